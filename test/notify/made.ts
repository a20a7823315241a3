/** Sources and what they have to tell, as plain values. */
import type { GitOpsSource, GitOpsSourceSpec, GitOpsSourceStatus, Notification, SpecNotify } from '../../operator/api/types.ts';

export const first = '1'.repeat(40);
export const second = '2'.repeat(40);
export const third = '3'.repeat(40);
export const uid = '9b2d7f3e-1111-4222-8333-444455556666';
export const at = (seconds: number): string => new Date(Date.UTC(2026, 10, 25, 12, 0, seconds)).toISOString();

export function made(notify: SpecNotify, status: GitOpsSourceStatus = {}, url = 'https://github.com/acme/deployer.git'): GitOpsSource {
  const spec = { url, notify, health: { wait: true, timeout: '5m' } } as unknown as GitOpsSourceSpec;
  return {
    apiVersion: 'plumbline.dev/v1',
    kind: 'GitOpsSource',
    metadata: { namespace: 'shop', name: 'web', uid, generation: 1 },
    spec,
    status,
  };
}

export function entry(to: Notification['to'], type: Notification['type'], more: Partial<Notification> = {}): Notification {
  return { to, type, commit: first, time: at(0), ...more };
}
