import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PlumblineError } from '../../../operator/errors.ts';
import { readCredentials } from '../../../operator/source/credentials.ts';
import { defaultTimeouts } from '../../../operator/source/http.ts';
import { readLogin, SshPool } from '../../../operator/source/ssh/pool.ts';
import { makeSshKey, startSshd } from '../../gitserver/index.ts';

let sshd: Awaited<ReturnType<typeof startSshd>>;
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(() => sshd.close());

test.each<[string, () => Error, number]>([
  ['could not be opened just now is opened the next time', () => new Error('the thread ended'), 2],
  ['is wrong is not opened again', () => new PlumblineError({ reason: 'SecretInvalid', message: 'wrong' }), 1],
])('a key that %s', async (_, failure, times) => {
  const key = await makeSshKey('ed25519', 'open sesame', ['-a', '1']);
  await sshd.authorize(key);
  const repo = await sshd.createRepo(`shop-${times}.git`);
  await repo.write({ 'web.yaml': '1' });
  const url = new URL(sshd.urlOf(repo));
  const secret = { identity: key.private, known_hosts: sshd.knownHosts, password: 'open sesame' };
  const encoded = Object.fromEntries(Object.entries(secret).map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
  let opened = 0;
  const pool = new SshPool({
    read: (ssh) => {
      opened += 1;
      return opened === 1 ? Promise.reject(failure()) : readLogin(ssh);
    },
  });
  const service = pool.service(url, readCredentials(encoded, url), { where: 'here', timeouts: defaultTimeouts });
  const { signal } = new AbortController();
  const reads = async (): Promise<boolean> => {
    try {
      for await (const chunk of await service.introduce(signal)) if (chunk.length > 0) return true;
      return false;
    } catch (error) {
      return String(error) !== String(failure());
    }
  };
  try {
    expect(await reads()).toBe(false);
    expect(await reads()).toBe(times === 2);
    expect(opened).toBe(times);
  } finally {
    pool.close();
  }
});
