/** Flags and environment → Config. The only place where the environment is read; every fault is reported at once. */
import { isIP } from 'node:net';
import { parseDuration } from './api/duration.ts';
import { logLevels } from './log.ts';
import type { LogLevel } from './log.ts';
import { parseProxy } from './source/proxies.ts';
import type { ProxySettings } from './source/proxies.ts';
import { gitFlags, readGitSettings } from './source/settings.ts';
import type { GitSettings } from './source/settings.ts';
import { version } from './version.ts';

/** Where to listen. */
export interface Address {
  /** A name or an IP address without brackets; undefined: every address. */
  readonly host: string | undefined;
  /** 0: a free one. */
  readonly port: number;
}

/** What the environment says of where the API server is; the values are those of the variables. */
export interface KubeEnvironment {
  /** KUBECONFIG */
  readonly kubeconfig: string | undefined;
  /** HOME */
  readonly home: string | undefined;
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT */
  readonly serviceHost: string | undefined;
  readonly servicePort: string | undefined;
}

export interface Config {
  readonly metricsAddress: Address;
  readonly webhookAddress: Address;
  /** API requests in flight. */
  readonly concurrency: number;
  readonly leaderElect: boolean;
  /** Undefined: the pod's, else that of the kubeconfig's context. */
  readonly leaderElectionNamespace: string | undefined;
  /** The namespaces that are served; empty: all. */
  readonly namespaces: readonly string[];
  /** Undefined: a source that names no account acts as the operator. */
  readonly defaultServiceAccount: string | undefined;
  /** How long records of the audit trail outlive their source, milliseconds. */
  readonly historyRetentionMs: number;
  readonly logLevel: LogLevel;
  readonly kube: KubeEnvironment;
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, for git servers and forges; in lower case too. */
  readonly proxies: ProxySettings;
  readonly git: GitSettings;
}

export type Parsed =
  | { readonly config: Config }
  | { readonly faults: readonly string[] }
  | { readonly help: string }
  | { readonly version: string };

export interface Flag {
  /** Without dashes. */
  readonly name: string;
  /** The environment variable that does the same; the flag wins. Undefined where there is none. */
  readonly env: string | undefined;
  /** What stands for the value in the help text; undefined for a switch. */
  readonly value: string | undefined;
  readonly default: string;
  readonly meaning: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Every flag, in the order in which help and docs list them. */
export const flags = [
  {
    name: 'metrics-address',
    env: 'PLUMBLINE_METRICS_ADDRESS',
    value: 'HOST:PORT',
    default: ':8080',
    meaning: 'Where /metrics, /healthz and /readyz answer; without host on every address, with port 0 on a free one.',
  },
  {
    name: 'webhook-address',
    env: 'PLUMBLINE_WEBHOOK_ADDRESS',
    value: 'HOST:PORT',
    default: ':9292',
    meaning: 'Where the receivers of webhooks answer, POST /hooks/NAMESPACE/NAME; host and port as above.',
  },
  {
    name: 'concurrency',
    env: 'PLUMBLINE_CONCURRENCY',
    value: 'NUMBER',
    default: '16',
    meaning: 'How many requests to the API server are in flight at most, 2 to 1024; one source never holds more than half.',
  },
  {
    name: 'leader-elect',
    env: 'PLUMBLINE_LEADER_ELECT',
    value: undefined,
    default: 'true',
    meaning: 'Work only while holding the Lease, so that several replicas can run.',
  },
  {
    name: 'leader-election-namespace',
    env: 'PLUMBLINE_LEADER_ELECTION_NAMESPACE',
    value: 'NAMESPACE',
    default: '',
    meaning: "The namespace of the Lease; empty: the pod's, else that of the kubeconfig's context.",
  },
  {
    name: 'namespaces',
    env: 'PLUMBLINE_NAMESPACES',
    value: 'A,B',
    default: '',
    meaning: 'Serve sources and objects in these namespaces alone, with rights in them alone; empty: the whole cluster.',
  },
  {
    name: 'default-service-account',
    env: 'PLUMBLINE_DEFAULT_SERVICE_ACCOUNT',
    value: 'NAME',
    default: '',
    meaning: 'The account, in the namespace of the source, of a source that names none; empty: the operator itself.',
  },
  ...gitFlags,
  {
    name: 'history-retention',
    env: 'PLUMBLINE_HISTORY_RETENTION',
    value: 'DURATION',
    default: '720h',
    meaning: 'How long the audit trail of a source that is gone is kept, as `720h`.',
  },
  { name: 'log-level', env: 'PLUMBLINE_LOG_LEVEL', value: 'LEVEL', default: 'info', meaning: 'debug, info, warn or error.' },
  { name: 'version', env: undefined, value: undefined, default: 'false', meaning: 'Print the version and exit.' },
  { name: 'help', env: undefined, value: undefined, default: 'false', meaning: 'Print this and exit.' },
] as const satisfies readonly Flag[];

type FlagName = (typeof flags)[number]['name'];

/** What was stated, and how: `--concurrency=0` or `PLUMBLINE_CONCURRENCY=0`, for messages. */
interface Stated {
  readonly text: string;
  readonly as: string;
}

/** Reads arguments (without node and the script) and environment. Every fault is a sentence for the person who started it. */
export function parseConfig(argv: readonly string[], env: Environment): Parsed {
  const faults: string[] = [];
  const stated = new Map<FlagName, Stated>();
  for (const flag of flags) {
    // An empty variable is how a manifest says that it is not set.
    const text = flag.env === undefined ? undefined : env[flag.env];
    if (text !== undefined && text !== '') stated.set(flag.name, { text, as: `${flag.env}=${shortened(text)}` });
  }
  readArguments(argv, stated, faults);
  if (stated.get('help')?.text === 'true') return { help: helpText() };
  if (stated.get('version')?.text === 'true') return { version };

  /** The value of a flag; the default where what is stated is a fault. */
  const read = <T>(name: FlagName, parse: (text: string) => T | undefined, mustBe: string): T => {
    const one = stated.get(name);
    const parsed = one === undefined ? undefined : parse(one.text);
    if (one !== undefined && parsed === undefined) faults.push(`${one.as}: must be ${mustBe}`);
    const fallback = parsed ?? parse(defaultOf(name));
    if (fallback === undefined) throw new Error(`the default of --${name} does not parse`);
    return fallback;
  };
  const address = 'HOST:PORT or :PORT, with a port from 0 to 65535 and an IPv6 host in brackets';
  const config: Config = {
    metricsAddress: read('metrics-address', parseAddress, address),
    webhookAddress: read('webhook-address', parseAddress, address),
    concurrency: read('concurrency', parseConcurrency, 'a whole number from 2 to 1024'),
    leaderElect: read('leader-elect', parseBoolean, 'true or false'),
    leaderElectionNamespace: read('leader-election-namespace', optional(isLabel), 'the name of a namespace').value,
    namespaces: read('namespaces', parseNamespaces, 'names of namespaces, separated by commas'),
    defaultServiceAccount: read('default-service-account', optional(isSubdomain), 'the name of a service account').value,
    historyRetentionMs: read('history-retention', parseDuration, 'a duration, as 720h or 90m'),
    logLevel: read('log-level', (text) => logLevels.find((level) => level === text), 'debug, info, warn or error'),
    kube: kubeEnvironment(env),
    proxies: proxyEnvironment(env),
    git: readGitSettings(read),
  };
  for (const [name, text] of [
    ['HTTP_PROXY', config.proxies.http],
    ['HTTPS_PROXY', config.proxies.https],
  ] as const) {
    // It may hold a password: what is wrong is not quoted.
    if (text !== undefined && parseProxy(text) === undefined) faults.push(`${name}: must be http://HOST:PORT or https://HOST:PORT`);
  }
  const { metricsAddress: metrics, webhookAddress: webhook } = config;
  if (metrics.port !== 0 && metrics.port === webhook.port && metrics.host === webhook.host) {
    faults.push('--metrics-address and --webhook-address: must not be the same');
  }
  return faults.length > 0 ? { faults } : { config };
}

/** The part of the environment that says where the API server is; an empty value counts as none. */
export function kubeEnvironment(env: Environment): KubeEnvironment {
  const value = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  return {
    kubeconfig: value('KUBECONFIG'),
    home: value('HOME'),
    serviceHost: value('KUBERNETES_SERVICE_HOST'),
    servicePort: value('KUBERNETES_SERVICE_PORT'),
  };
}

/** The proxies of the environment. Where a variable is there in both cases, the upper one counts, as in Go. */
export function proxyEnvironment(env: Environment): ProxySettings {
  const value = (name: string): string | undefined => env[name] || env[name.toLowerCase()] || undefined;
  return { http: value('HTTP_PROXY'), https: value('HTTPS_PROXY'), none: value('NO_PROXY') };
}

/** What --help prints. */
export function helpText(): string {
  const left = flags.map((flag) => `  --${flag.name}${flag.value === undefined ? '' : `=${flag.value}`}`);
  const width = Math.max(...left.map((text) => text.length)) + 2;
  const lines = flags.flatMap((flag, index) => {
    const shown =
      flag.env === undefined ? [] : [`${' '.repeat(width)}${flag.default === '' ? '' : `Default ${flag.default}; `}${flag.env}`];
    return [`${(left[index] ?? '').padEnd(width)}${flag.meaning}`, ...shown];
  });
  return [
    'Plumbline brings a cluster to what git says, and says which commit runs.',
    '',
    'Flags, and the environment variables that do the same:',
    ...lines,
    '',
  ].join('\n');
}

function readArguments(argv: readonly string[], stated: Map<FlagName, Stated>, faults: string[]): void {
  const rest = [...argv];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [, name = '', , value] = /^--?([^=]*)(=([\s\S]*))?$/.exec(argument) ?? [];
    const flag = flags.find((one) => one.name === (name === 'h' ? 'help' : name));
    if (flag === undefined) {
      faults.push(`${shortened(argument)}: is no flag; --help lists them`);
    } else if (value !== undefined) {
      stated.set(flag.name, { text: value, as: `--${name}=${shortened(value)}` });
    } else if (flag.value === undefined) {
      // A switch takes the next argument only where that can be meant for it.
      const text = rest[0] === 'true' || rest[0] === 'false' ? (rest.shift() ?? '') : 'true';
      stated.set(flag.name, { text, as: `--${name}=${text}` });
    } else if (rest[0] === undefined || rest[0].startsWith('--')) {
      faults.push(`--${name}: needs a value, as in --${name}=${flag.value}`);
    } else {
      const text = rest.shift() ?? '';
      stated.set(flag.name, { text, as: `--${name}=${shortened(text)}` });
    }
  }
}

function defaultOf(name: FlagName): string {
  return flags.find((flag) => flag.name === name)?.default ?? '';
}

/** `:8080`, `localhost:8080`, `[::1]:8080`; undefined for anything else. */
function parseAddress(text: string): Address | undefined {
  const [, bracketed, host, digits = ''] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) return undefined;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined;
  if (host === undefined || host === '') return { host: undefined, port };
  return isHostname(host) ? { host, port } : undefined;
}

/** RFC 1123, an IPv4 address included; digits and dots alone are an address or nothing. */
function isHostname(host: string): boolean {
  if (/^[\d.]+$/.test(host)) return isIP(host) === 4;
  return host.length <= 253 && host.split('.').every((label) => label.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/i.test(label));
}

function parseConcurrency(text: string): number | undefined {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return number >= 2 && number <= 1024 ? number : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

function parseNamespaces(text: string): readonly string[] | undefined {
  if (text.trim() === '') return [];
  const names = text.split(',').map((name) => name.trim());
  return names.every(isLabel) ? [...new Set(names)] : undefined;
}

/** Empty is a value of its own: none. */
function optional(isValid: (text: string) => boolean): (text: string) => { readonly value: string | undefined } | undefined {
  return (text) => (text === '' ? { value: undefined } : isValid(text) ? { value: text } : undefined);
}

/** RFC 1123 label, as names of namespaces are. */
function isLabel(text: string): boolean {
  return text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
}

/** RFC 1123 subdomain, as names of accounts are. */
function isSubdomain(text: string): boolean {
  return text.length <= 253 && text.split('.').every(isLabel);
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
