/** A way through a proxy to a TLS server: CONNECT, RFC 9110 section 9.3.6. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import { PlumblineError } from '../errors.ts';
import { codeOf } from './http-errors.ts';
import { proxyAuthorization, showProxy } from './proxies.ts';

/** A connection to `target` (`host:port`) through the proxy. Rejects with a PlumblineError GitUnreachable that names the proxy. */
export function openTunnel(proxy: URL, target: string, connectMs: number): Promise<Socket> {
  const shown = showProxy(proxy);
  const authorization = proxyAuthorization(proxy);
  return new Promise((resolve, reject) => {
    const failed = (message: string, remedy: string, cause?: unknown): void =>
      reject(new PlumblineError({ reason: 'GitUnreachable', message: `${target} cannot be reached: ${message}`, remedy }, { cause }));
    const request = (proxy.protocol === 'https:' ? requestHttps : requestHttp)({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : Number(proxy.port),
      method: 'CONNECT',
      path: target,
      agent: false,
      headers: { host: target, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) },
    });
    const timer = setTimeout(() => {
      failed(`the proxy ${shown} gave no answer in ${Math.round(connectMs / 100) / 10} s`, 'Check the proxy.');
      request.destroy();
    }, connectMs);
    const settle = (then: () => void): void => {
      clearTimeout(timer);
      then();
    };
    request.once('error', (error) =>
      settle(() =>
        failed(`the proxy ${shown} does not answer (${codeOf(error) ?? 'no code'})`, 'Check HTTPS_PROXY of the operator.', error),
      ),
    );
    // Any answer to CONNECT comes here; the stream behind it is raw.
    request.once('connect', (response, socket: Socket, head) =>
      settle(() => {
        if (response.statusCode === 200) {
          if (head.length > 0) socket.unshift(head);
          resolve(socket);
          return;
        }
        socket.destroy();
        const login = response.statusCode === 407;
        failed(
          login
            ? `the proxy ${shown} asks for a login, or refuses the one it got (407)`
            : `the proxy ${shown} answers ${response.statusCode}`,
          login
            ? "Put the proxy's user name and password into HTTPS_PROXY of the operator."
            : 'Ask who runs the proxy, or put the host into NO_PROXY of the operator.',
        );
      }),
    );
    // A proxy that knows no CONNECT.
    request.once('response', (response) =>
      settle(() => {
        response.resume();
        request.destroy();
        failed(`the proxy ${shown} answers ${response.statusCode} instead of connecting`, 'Check HTTPS_PROXY of the operator.');
      }),
    );
    request.end();
  });
}
