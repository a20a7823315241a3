/** Pure: a notification as a CloudEvent 1.0 in structured JSON, signed. */
import { createHash, createHmac } from 'node:crypto';
import type { GitOpsSource, Notification, SpecWebhook } from '../api/types.ts';
import type { Question } from './types.ts';

/** Types of CloudEvents by what there is to tell. */
const eventTypes: Readonly<Record<Exclude<Notification['type'], 'Pending'>, string>> = {
  Applied: 'dev.plumbline.revision.applied',
  Healthy: 'dev.plumbline.revision.healthy',
  Failed: 'dev.plumbline.revision.failed',
  Drifted: 'dev.plumbline.drift.detected',
  DriftCorrected: 'dev.plumbline.drift.corrected',
};

/** The request that tells `entry` to a webhook. */
export function webhookRequest(source: GitOpsSource, { url }: SpecWebhook, entry: Notification, token: Buffer): Question {
  const body = Buffer.from(JSON.stringify(cloudEvent(source, entry)));
  return {
    url: new URL(url),
    headers: {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'x-signature': signatureOf(body, token),
    },
    body,
  };
}

/** `sha256=…`: the HMAC-SHA-256 of the body under the token, as receivers of webhooks check it. */
export function signatureOf(body: Buffer | string, token: Buffer | string): string {
  return `sha256=${createHmac('sha256', token).update(body).digest('hex')}`;
}

/** The same for the same notification, whoever sends it and how often, and for no other. */
export function notificationId(uid: string, { to, type, commit, time, reason = '' }: Notification): string {
  return createHash('sha256')
    .update(JSON.stringify([uid, to, type, commit, time, reason]))
    .digest('hex')
    .slice(0, 32);
}

function cloudEvent({ metadata, spec, status }: GitOpsSource, entry: Notification): object {
  const { namespace, name, uid = '' } = metadata;
  const { type, commit, time, ref, reason, message, drift, moreDrift = 0 } = entry;
  const about = status?.commit?.sha === commit ? status.commit : status?.history?.find((one) => one.commit === commit);
  return {
    specversion: '1.0',
    id: notificationId(uid, entry),
    source: `/apis/plumbline.dev/v1/namespaces/${namespace}/gitopssources/${name}`,
    type: type === 'Pending' ? 'dev.plumbline.revision.pending' : eventTypes[type],
    subject: commit === '' ? `${namespace}/${name}` : commit,
    time,
    datacontenttype: 'application/json',
    data: {
      source: { namespace, name, uid, url: spec.url, path: spec.path ?? '' },
      commit: {
        sha: commit,
        ...(ref === undefined ? {} : { ref }),
        ...(about?.subject === undefined ? {} : { subject: about.subject }),
        ...(about?.author === undefined ? {} : { author: about.author }),
      },
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
      ...(drift === undefined ? {} : { drift, more: moreDrift }),
    },
  };
}
