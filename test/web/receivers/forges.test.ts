import { describe, expect, test } from '@jest/globals';
import { forgeOf } from '../../../operator/web/receivers/index.ts';
import { concerns } from '../../../operator/web/receivers/match.ts';
import { signatureOf } from '../../../operator/notify/cloud-event.ts';
import { isSameSecret, isSigned } from '../../../operator/web/receivers/signature.ts';
import { UnreadableError } from '../../../operator/web/receivers/types.ts';
import { bitbucketCloud, everyForge, generic, github, gitea, gitlab } from './payloads.ts';
import type { Delivery, Push } from './payloads.ts';

const push: Push = { url: 'https://git.example.com/acme/deployer.git', ref: 'refs/heads/main', token: 'correct horse battery staple' };
const token = Buffer.from(push.token);

const authenticates = ({ headers, body }: Delivery, by = token): boolean => forgeOf(headers).authenticates(headers, Buffer.from(body), by);
const read = ({ headers, body }: Delivery) => forgeOf(headers).read(headers, Buffer.from(body));

describe.each(everyForge)('a push told by %s', (_, tell) => {
  test('is authenticated by the token, and by no other', () => {
    expect(authenticates(tell(push))).toBe(true);
    expect(authenticates(tell(push), Buffer.from('another token'))).toBe(false);
    expect(authenticates(tell({ ...push, token: 'another token' }))).toBe(false);
  });

  test('says which repository and ref', () => {
    const hint = read(tell(push));
    expect(hint?.refs).toEqual(['refs/heads/main']);
    expect(hint !== undefined && concerns(hint, push.url, [{ branch: 'main' }])).toBe(true);
    expect(hint !== undefined && concerns(hint, push.url, [{ branch: 'other' }])).toBe(false);
    expect(hint !== undefined && concerns(hint, 'https://git.example.com/acme/other.git', [{ branch: 'main' }])).toBe(false);
  });

  test('is refused without the header that proves it', () => {
    const { headers, body } = tell(push);
    const proof = /signature|token/;
    const bare = Object.fromEntries(Object.entries(headers).filter(([name]) => !proof.test(name)));
    expect(authenticates({ headers: bare, body })).toBe(false);
  });

  test('with tags is about tags', () => {
    const hint = read(tell({ ...push, ref: 'refs/tags/v1.2.3' }));
    expect(hint?.refs).toEqual(['refs/tags/v1.2.3']);
  });
});

describe.each(everyForge.filter(([name]) => name !== 'GitLab'))('a body signed by %s', (_, tell) => {
  test('and altered on the way is refused', () => {
    const { headers, body } = tell(push);
    expect(authenticates({ headers, body: `${body} ` })).toBe(false);
  });
});

test.each<[string, Delivery, string]>([
  ['GitHub', github(push), 'github'],
  ['GitLab', gitlab(push), 'gitlab'],
  ['Gitea, which sends headers of GitHub too', gitea(push), 'gitea'],
  ['Forgejo, which sends headers of Gitea and GitHub too', gitea(push, 'forgejo'), 'gitea'],
  ['Bitbucket', bitbucketCloud(push), 'bitbucket'],
  ['something that signs', generic(push), 'generic'],
  ['something that does not', { headers: {}, body: '' }, 'generic'],
])('%s is told apart by headers', (_, { headers }, name) => {
  expect(forgeOf(headers).name).toBe(name);
});

describe('signatures', () => {
  // The example of GitHub's documentation.
  const hello = { body: Buffer.from('Hello, World!'), token: Buffer.from("It's a Secret to Everybody") };
  const right = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';

  test('are those of the documentation', () => {
    expect(signatureOf(hello.body, hello.token)).toBe(right);
    expect(isSigned(hello.body, hello.token, right, 'sha256=')).toBe(true);
    expect(isSigned(hello.body, hello.token, right.toUpperCase().replace('SHA256', 'sha256'), 'sha256=')).toBe(true);
  });

  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['the prefix alone', 'sha256='],
    ['zeros', `sha256=${'0'.repeat(64)}`],
    ['one without prefix', right.slice(7)],
    ['one of SHA-1', `sha1=${right.slice(7)}`],
    ['one that is too short', right.slice(0, -2)],
    ['one that is too long', `${right}00`],
    ['one that is no hexadecimal', `sha256=${'z'.repeat(64)}`],
  ])('%s is no signature', (__, stated) => {
    expect(isSigned(hello.body, hello.token, stated, 'sha256=')).toBe(false);
  });

  test('secrets are the same or not, whatever their lengths', () => {
    expect(isSameSecret(Buffer.from('a'), Buffer.from('a'))).toBe(true);
    expect(isSameSecret(Buffer.from('a'), Buffer.from('ab'))).toBe(false);
    expect(isSameSecret(Buffer.alloc(0), Buffer.from('a'))).toBe(false);
  });
});

describe('what moves no ref', () => {
  test.each<[string, Delivery]>([
    ['a ping of GitHub', github(push, 'ping')],
    ['an issue on GitHub', github(push, 'issues')],
    ['a comment on GitLab', { headers: { 'x-gitlab-event': 'Note Hook' }, body: '{"object_kind":"note"}' }],
    ['a comment on Gitea', { headers: { 'x-gitea-event': 'issue_comment' }, body: '{}' }],
    ['a comment on Bitbucket', { headers: { 'x-event-key': 'pullrequest:comment_created' }, body: '{}' }],
    ['a test of Bitbucket Data Center', { headers: { 'x-event-key': 'diagnostics:ping' }, body: '{"test":true}' }],
  ])('%s is no hint', (_, delivery) => {
    expect(read(delivery)).toBeUndefined();
  });
});

describe('bodies that are not as documented', () => {
  const events = [
    { 'x-github-event': 'push' },
    { 'x-gitlab-event': 'Push Hook' },
    { 'x-gitea-event': 'push' },
    { 'x-event-key': 'repo:push' },
  ];
  test.each(events)('%j with no JSON is unreadable, and nothing of it is quoted', (headers) => {
    let error: unknown;
    try {
      read({ headers, body: 'hunter2' });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(UnreadableError);
    expect((error as Error).message).toBe('the body is no JSON');
  });

  test('a form without its field is unreadable', () => {
    const headers = { 'x-github-event': 'push', 'content-type': 'application/x-www-form-urlencoded' };
    expect(() => read({ headers, body: 'x=1' })).toThrow('the form has no field payload');
  });

  const strange = [
    'null',
    '1',
    '"text"',
    '[]',
    '{"repository":1,"ref":{}}',
    '{"repository":null,"push":{"changes":{"0":1}}}',
    '{"__proto__":{"ref":"x"}}',
  ];
  test.each(strange)('%s is a hint about nothing', (body) => {
    for (const headers of events) {
      const hint = read({ headers, body });
      expect([hint?.refs ?? [], hint?.repositories ?? []]).toEqual([[], []]);
    }
  });

  test('a branch that was deleted on Bitbucket is named by what it was', () => {
    expect(read(bitbucketCloud(push, 'deleted'))?.refs).toEqual(['refs/heads/main']);
  });

  test('any signed body is a hint about anything', () => {
    expect(read(generic(push))).toEqual({ repositories: [], refs: undefined });
    expect(read(generic(push, 'pushed!'))).toEqual({ repositories: [], refs: undefined });
  });
});
