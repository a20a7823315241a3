import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { SpecCommitStatus } from '../../operator/api/types.ts';
import { notificationId, webhookRequest } from '../../operator/notify/cloud-event.ts';
import { commitStatusRequest, contextOf, isToldAlready, targetOf } from '../../operator/notify/commit-status.ts';
import { waitingOf } from '../../operator/notify/waiting.ts';
import { at, entry, first, made, second, uid } from './made.ts';

const token = Buffer.from('t0ken');
const secretRef = { name: 'forge' };
const failed = entry('CommitStatus', 'Failed', { reason: 'ObjectRefused', message: 'web.yaml:3 refused\nmore', ref: 'main' });

describe('a commit status', () => {
  const asked = (spec: SpecCommitStatus, url: string, told = failed) => {
    const question = commitStatusRequest(made({ commitStatus: spec }, {}, url), spec, told, token);
    return { url: question.url.href, headers: question.headers, body: JSON.parse(question.body.toString()) as unknown };
  };
  const context = `plumbline/shop/web@${uid.slice(0, 8)}`;
  const description = 'ObjectRefused: web.yaml:3 refused';

  test('of GitHub', () => {
    expect(asked({ provider: 'GitHub', secretRef }, 'https://github.com/acme/deployer.git')).toEqual({
      url: `https://api.github.com/repos/acme/deployer/statuses/${first}`,
      headers: expect.objectContaining({ authorization: 'Bearer t0ken', accept: 'application/vnd.github+json' }),
      body: { state: 'failure', context, description },
    });
  });

  test('of GitLab', () => {
    expect(asked({ provider: 'GitLab', secretRef, context: 'eu' }, 'ssh://git@gitlab.com/acme/shop/deployer.git')).toEqual({
      url: `https://gitlab.com/api/v4/projects/acme%2Fshop%2Fdeployer/statuses/${first}`,
      headers: { 'private-token': 't0ken', 'content-type': 'application/json' },
      body: { state: 'failed', name: 'eu', description, ref: 'main' },
    });
  });

  test('of Gitea', () => {
    expect(asked({ provider: 'Gitea', secretRef }, 'https://gitea.example.com/acme/deployer')).toEqual({
      url: `https://gitea.example.com/api/v1/repos/acme/deployer/statuses/${first}`,
      headers: { authorization: 'token t0ken', 'content-type': 'application/json' },
      body: { state: 'failure', context, description },
    });
  });

  test.each([
    ['Pending', 'pending'],
    ['Applied', 'success'],
    ['Healthy', 'success'],
  ] as const)('%s is %s', (type, state) => {
    const told = entry('CommitStatus', type, { message: 'x'.repeat(300) });
    const { body } = asked({ provider: 'GitHub', secretRef }, 'https://github.com/a/b', told);
    expect(body).toMatchObject({ state, description: `${'x'.repeat(139)}…` });
  });

  test.each([
    ['GitHub', 'error'],
    ['Gitea', 'error'],
    ['GitLab', 'canceled'],
  ] as const)('of a source that is deleted while its commit is pending: %s is told %s', (provider, state) => {
    const spec = { provider, secretRef };
    const notify = {
      commit: { sha: first, state: 'Pending', target: 'x' },
      pending: [entry('CommitStatus', 'Pending', { ref: 'main' })],
    } as const;
    const source = made({ commitStatus: spec }, { notify }, 'https://forge.example.com/a/b');
    expect(waitingOf(source)).toEqual(notify.pending);
    const deleted = { ...source, metadata: { ...source.metadata, deletionTimestamp: at(5) } };
    const waiting = waitingOf(deleted);
    expect(waiting).toHaveLength(1);
    const [end] = waiting;
    expect(end).toMatchObject({ commit: first, ref: 'main', time: at(5) });
    expect(asked(spec, source.spec.url, end).body).toMatchObject({
      state,
      description: 'SourceDeleted: the source was deleted before it was healthy',
    });
    const done = { ...deleted, status: { notify: { ...notify, commit: { ...notify.commit, state: 'Success' as const }, pending: [] } } };
    expect(waitingOf(done)).toEqual([]);
    expect(waitingOf({ ...deleted, spec: { ...deleted.spec, notify: {} } })).toEqual(notify.pending);
  });

  test('of a ref by its full name says no ref: GitLab would look for a branch', () => {
    const told = entry('CommitStatus', 'Healthy', { ref: 'refs/pull/1/head' });
    expect(asked({ provider: 'GitLab', secretRef }, 'https://gitlab.com/a/b', told).body).not.toHaveProperty('ref');
  });

  test('has a context by which sources and clusters are told apart, unless one is said', () => {
    const spec = { provider: 'GitHub', secretRef } as const;
    const one = made({ commitStatus: spec });
    const elsewhere = { ...one, metadata: { ...one.metadata, uid: 'another' } };
    expect(contextOf(one, spec)).not.toBe(contextOf(elsewhere, spec));
    expect(targetOf(one)).not.toBe(targetOf(elsewhere));
    expect(contextOf(one, { ...spec, context: 'prod' })).toBe('prod');
  });

  test('that GitLab has already counts as told; nothing else does', () => {
    const text = '{"message":"Cannot transition status via :enqueue from :pending"}';
    expect(isToldAlready('GitLab', 400, text)).toBe(true);
    expect([isToldAlready('GitHub', 400, text), isToldAlready('GitLab', 400, '{}'), isToldAlready('GitLab', 500, text)]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('a CloudEvent', () => {
  const webhook = { url: 'https://hooks.example.com/in?team=shop', secretRef };
  const status = {
    history: [{ commit: first, time: at(0), result: 'Applied', subject: 'Deploy', author: 'Ada <a@example.com>' }],
  } as const;
  const source = made({ webhook }, status);

  test('is structured JSON of version 1.0, signed over the body', () => {
    const told = entry('Webhook', 'Failed', { reason: 'ObjectRefused', message: 'refused', ref: 'main' });
    const { url, headers, body } = webhookRequest(source, webhook, told, token);
    expect(url.href).toBe(webhook.url);
    expect(headers).toEqual({
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'x-signature': `sha256=${createHmac('sha256', token).update(body).digest('hex')}`,
    });
    expect(JSON.parse(body.toString())).toEqual({
      specversion: '1.0',
      id: notificationId(uid, told),
      source: '/apis/plumbline.dev/v1/namespaces/shop/gitopssources/web',
      type: 'dev.plumbline.revision.failed',
      subject: first,
      time: at(0),
      datacontenttype: 'application/json',
      data: {
        source: { namespace: 'shop', name: 'web', uid, url: 'https://github.com/acme/deployer.git', path: '' },
        commit: { sha: first, ref: 'main', subject: 'Deploy', author: 'Ada <a@example.com>' },
        reason: 'ObjectRefused',
        message: 'refused',
      },
    });
  });

  test('of drift lists it', () => {
    const drift = [{ object: 'Deployment shop/web', class: 'modified', field: 'spec.replicas', manager: 'kubectl-edit' }] as const;
    const { body } = webhookRequest(source, webhook, entry('Webhook', 'Drifted', { drift, moreDrift: 2 }), token);
    expect(JSON.parse(body.toString())).toMatchObject({ type: 'dev.plumbline.drift.detected', data: { drift, more: 2 } });
  });

  test('has the same id however often it is sent, and another for anything else', () => {
    const told = entry('Webhook', 'Applied');
    const others = [
      notificationId(uid, told),
      notificationId(uid, { ...told, message: 'in other words' }),
      notificationId('another', told),
      notificationId(uid, { ...told, type: 'Healthy' }),
      notificationId(uid, { ...told, commit: second }),
      notificationId(uid, { ...told, time: at(1) }),
    ];
    expect(new Set(others).size).toBe(5);
    expect(others[0]).toBe(others[1]);
  });
});
