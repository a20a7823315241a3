import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { readText } from '../../../crds/generate.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const key = `-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEZZIAgBYJKwYBBAHaRw8BAQdAL323u4XXRjlR+qRpFUG7g7I7WNVhrp7Yv+59
TCgEEka0G2Zyb3plbiA8ZnJvemVuQGV4YW1wbGUuY29tPoiQBBMWCAA4FiEER/eb
4nv2UUK/ORlCswNKQ1xk0QIFAmWSAIACGwMFCwkIBwIGFQoJCAsCBBYCAwECHgEC
F4AACgkQswNKQ1xk0QJBCgEAki/ropHlshzniV/S7/DN9aBPgJEjh0ZxxCM3TWih
7GgA/3rpOfC7GH5U9nycH+g1UhrQmsN9rtckBsAHdfs7y+0O
=tBet
-----END PGP PUBLIC KEY BLOCK-----`;
const signature = `-----BEGIN PGP SIGNATURE-----

iIkEABYIADEWIQRH95vie/ZRQr85GUKzA0pDXGTRAgUCZZIAgBMcZnJvemVuQGV4
YW1wbGUuY29tAAoJELMDSkNcZNEC7w0A/3FG55szpxGW8vRk3YhnJ5dhHKQ1EYOm
eK7BraD0YlDdAP9KCnnT29qDeQPkcO2nEo993z1N3W3bRfjavqwcTEgkBQ==
=5BQ7
-----END PGP SIGNATURE-----`;

test('the library for OpenPGP works inside the bundle, loaded when it is needed', async () => {
  const { scripts } = JSON.parse(readText('package.json') ?? '') as { readonly scripts: { readonly bundle: string } };
  const directory = await mkdtemp(join(tmpdir(), 'bundle-'));
  try {
    const [entry, out] = [join(directory, 'entry.ts'), join(directory, 'plumbline.mjs')];
    const input = JSON.stringify({ signature: `${signature}\n`, key });
    await writeFile(
      entry,
      `import { verifyOpenPgp } from ${JSON.stringify(join(root, 'operator/source/verify/openpgp.ts'))};
      const { signature, key } = ${input};
      const now = new Date('2024-06-01T00:00:00Z');
      console.log(JSON.stringify(await verifyOpenPgp(Buffer.from('hello'), signature, [{ name: 'a.asc', text: key }], now)));`,
    );
    const command = scripts.bundle.replace('operator/main.ts', entry).replaceAll('dist/', `${directory}/`);
    await run('sh', ['-c', command], {
      cwd: root,
      env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` },
    });
    const { stdout } = await run(process.execPath, [out], { cwd: directory, env: {} });
    expect(JSON.parse(stdout)).toEqual({
      kind: 'OpenPGP',
      signer: 'frozen <frozen@example.com>',
      key: '47F79BE27BF65142BF391942B3034A435C64D102',
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
