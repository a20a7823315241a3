/** What of GitHub's API an App needs, standing in for GitHub: it checks signatures and times as GitHub documents them. */
import { generateKeyPairSync, verify } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Forge {
  /** To be written under githubAppBaseURL. */
  readonly url: string;
  readonly appId: string;
  readonly installationId: string;
  readonly privateKey: string;
  /** Tokens that were given, oldest first. */
  readonly tokens: string[];
  /** How long a token is good. Milliseconds. */
  lifetimeMs: number;
  /** Its own clock is so far ahead of the real one. Milliseconds. */
  aheadMs: number;
  /** Answers this instead. */
  status: number | undefined;
  /** With these headers. */
  headers: Readonly<Record<string, string>>;
  /** Answers nothing. */
  hangs: boolean;
  /** Requests so far. */
  asked: number;
  close(): Promise<void>;
}

/** Made once: it takes a while on a busy machine. */
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

export async function startForge(): Promise<Forge> {
  const server = createServer((request, response) => {
    const now = Date.now() + forge.aheadMs;
    forge.asked += 1;
    const answer = (status: number, body: object): void => {
      response
        .writeHead(status, { 'content-type': 'application/json', date: new Date(now).toUTCString(), ...forge.headers })
        .end(JSON.stringify(body));
    };
    if (forge.hangs) return;
    if (forge.status !== undefined) return answer(forge.status, { message: `no, said ${request.headers.authorization}` });
    const fault = faultOf(request.headers.authorization ?? '', now / 1000);
    if (fault !== undefined) return answer(401, { message: fault });
    if (request.method !== 'POST' || request.url !== `/api/v3/app/installations/${forge.installationId}/access_tokens`) {
      return answer(404, { message: 'Not Found' });
    }
    const token = `ghs_token${forge.tokens.length}Kx31Zq7`;
    forge.tokens.push(token);
    return answer(201, { token, expires_at: new Date(now + forge.lifetimeMs).toISOString() });
  });
  const faultOf = (authorization: string, seconds: number): string | undefined => {
    const [, head = '', body = '', signature = ''] = /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(authorization) ?? [];
    if (!verify('sha256', Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, 'base64url'))) {
      return 'A JSON web token could not be decoded';
    }
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as { iat: number; exp: number; iss: string };
    if (claims.iss !== forge.appId) return 'Integration not found';
    if (claims.iat > seconds) return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
    if (claims.exp <= seconds) return "'Expiration time' claim ('exp') must be a numeric value representing the future time";
    if (claims.exp > claims.iat + 660) return "'Expiration time' claim ('exp') is too far in the future";
    return undefined;
  };
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const forge: Forge = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v3`,
    appId: '12345',
    installationId: '678',
    privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    tokens: [],
    lifetimeMs: 3_600_000,
    aheadMs: 0,
    status: undefined,
    headers: {},
    asked: 0,
    hangs: false,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return forge;
}
