/** Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY as curl, git and Go read them. Pure. */
import { BlockList, isIP, isIPv4 } from 'node:net';

/** What is set of the three variables. Values may hold a login: they are never shown but by showProxy. */
export interface ProxySettings {
  /** For http:// URLs. */
  readonly http?: string | undefined;
  /** For https:// URLs. */
  readonly https?: string | undefined;
  /** Hosts that are asked directly. */
  readonly none?: string | undefined;
}

/** `proxy.example.com:3128` as well as a URL; undefined for what is no HTTP proxy. */
export function parseProxy(text: string): URL | undefined {
  const whole = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  return url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '' ? url : undefined;
}

/** The proxy through which `url` is asked; undefined: none. A loopback address never is, as nothing there is a proxy's to reach. */
export function proxyFor(url: URL, settings: ProxySettings): URL | undefined {
  const text = url.protocol === 'https:' ? settings.https : url.protocol === 'http:' ? settings.http : undefined;
  if (text === undefined || text === '') return undefined;
  const host = bare(url.hostname);
  if (isLoopback(host)) return undefined;
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  const excluded = (settings.none ?? '').split(/[\s,]+/).some((rule) => rule !== '' && matches(rule.toLowerCase(), host, port));
  return excluded ? undefined : parseProxy(text);
}

/** The proxy as people may see it: without its login. */
export function showProxy(proxy: URL): string {
  return `${proxy.protocol}//${proxy.host}`;
}

/** The value of Proxy-Authorization; undefined for a proxy without login. RFC 7617. */
export function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === '' && proxy.password === '') return undefined;
  const login = `${decoded(proxy.username)}:${decoded(proxy.password)}`;
  return `Basic ${Buffer.from(login).toString('base64')}`;
}

/** One rule of NO_PROXY: `*`, a host (its subdomains too), `.domain`, `*.domain`, an address, a range (10.0.0.0/8); with `:port`, that port alone. */
function matches(rule: string, host: string, port: string): boolean {
  if (rule === '*') return true;
  const range = /^(?<address>[0-9a-f.:]+)\/(?<bits>\d{1,3})$/.exec(rule)?.groups;
  if (range !== undefined) return inRange(range['address'] ?? '', Number(range['bits']), host);
  const [, bracketed, plain, ofPort] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(rule) ?? [];
  const name = bracketed ?? plain ?? rule;
  if (ofPort !== undefined && ofPort !== port) return false;
  const domain = name.replace(/^\*?\./, '');
  if (domain === '') return false;
  if (isIP(domain) !== 0) return domain === host;
  return host.endsWith(`.${domain}`) || (domain === name && host === domain);
}

function inRange(address: string, bits: number, host: string): boolean {
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  if (isIP(address) === 0 || isIP(host) === 0 || bits > (family === 'ipv4' ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return list.check(host, isIPv4(host) ? 'ipv4' : 'ipv6');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Lower case, without the brackets of an IPv6 address and the dot at the end of a full name. */
function bare(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
