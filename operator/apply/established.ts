/** Waits until the API server serves the kinds of CRDs that were just written. */
import { PlumblineError } from '../errors.ts';
import { reflect } from '../kube/reflector.ts';
import { objectText } from '../kube/types.ts';
import type { KubeObject } from '../kube/types.ts';
import type { Write } from '../plan/types.ts';
import type { ApplyContext } from './types.ts';

/** How long a CRD is waited for, milliseconds. */
const establishedDeadlineMs = 30_000;

interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly message?: string;
}

/** Resolves once every one of these CRDs is Established; at the deadline throws NotEstablished with what its conditions say. */
export async function awaitEstablished(crds: readonly Write[], context: ApplyContext, deadlineMs = establishedDeadlineMs): Promise<void> {
  await Promise.all(crds.map((write) => establishedOne(write, context, deadlineMs)));
  context.discovery.invalidate();
}

async function establishedOne({ manifest }: Write, context: ApplyContext, deadlineMs: number): Promise<void> {
  const done = new AbortController();
  const deadline = AbortSignal.timeout(deadlineMs);
  let last: readonly Condition[] = [];
  const look = (object: KubeObject): void => {
    last = conditionsOf(object);
    if (last.some((condition) => condition.type === 'Established' && condition.status === 'True')) done.abort();
  };
  const reflector = reflect({
    client: context.client,
    resource: manifest.resource,
    fieldSelector: `metadata.name=${manifest.id.name}`,
    metadataOnly: false,
    signal: AbortSignal.any([done.signal, deadline, context.signal]),
    random: () => 0.5,
    handler: { replace: (objects) => objects.forEach(look), upsert: look, remove: () => {}, state: () => {} },
  });
  reflector.synced.catch(() => {}); // ends with its signal, which is awaited below
  await new Promise<void>((resolve) => {
    const any = AbortSignal.any([done.signal, deadline, context.signal]);
    if (any.aborted) resolve();
    else any.addEventListener('abort', () => resolve(), { once: true });
  });
  if (done.signal.aborted) return;
  context.signal.throwIfAborted();
  const said = last.map((condition) => `${condition.type} is ${condition.status}: ${condition.message}`).join('; ');
  const message = `is not served after ${deadlineMs / 1_000} s${said === '' ? '' : ` (${said})`}`;
  throw new PlumblineError({ reason: 'NotEstablished', place: manifest.place, object: objectText(manifest.id), message });
}

function conditionsOf(object: KubeObject): readonly Condition[] {
  const status = object['status'] as { readonly conditions?: readonly Condition[] } | undefined;
  return status?.conditions ?? [];
}
