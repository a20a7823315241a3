/** Objects as short as can be, for tables. */
import type { KubeObject, ObjectMeta } from '../../../operator/kube/types.ts';
import type { HealthStatus } from '../../../operator/live/health/types.ts';

export interface Body {
  readonly metadata?: Partial<ObjectMeta>;
  readonly spec?: object;
  readonly status?: object;
}

/** An object, and what is to be said of it. */
export type Row = readonly [what: string, body: Body, status: HealthStatus, message?: string | RegExp];

/** `Deployment apps/v1` and its body, of generation 1 unless said. */
export function objectOf(kind: string, body: Body = {}): KubeObject {
  const [name = '', apiVersion = 'v1'] = kind.split(' ');
  const { metadata, ...rest } = body;
  return { apiVersion, kind: name, metadata: { name: 'test', namespace: 'shop', generation: 1, ...metadata }, ...rest };
}

/** `Ready=False Reason: message` as a condition. */
export function condition(text: string): object {
  const [, type, status, reason, message] = /^(\w+)=(\w+)(?: (\w+))?(?:: (.*))?$/.exec(text) ?? [];
  return { type, status, ...(reason && { reason }), ...(message && { message }) };
}

/** A status of nothing but conditions. */
export function conditions(...texts: readonly string[]): { readonly conditions: readonly object[] } {
  return { conditions: texts.map(condition) };
}
