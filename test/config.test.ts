import { expect, test } from '@jest/globals';
import { flags, helpText, parseConfig } from '../operator/config.ts';
import type { Config } from '../operator/config.ts';
import { version } from '../operator/version.ts';

const defaults: Config = {
  metricsAddress: { host: undefined, port: 8080 },
  webhookAddress: { host: undefined, port: 9292 },
  concurrency: 16,
  leaderElect: true,
  leaderElectionNamespace: undefined,
  namespaces: [],
  defaultServiceAccount: undefined,
  historyRetentionMs: 2_592_000_000,
  logLevel: 'info',
  kube: { kubeconfig: undefined, home: undefined, serviceHost: undefined, servicePort: undefined },
  proxies: { http: undefined, https: undefined, none: undefined },
  git: {
    cacheBytes: 268_435_456,
    idleMs: 30_000,
    limits: { fileBytes: 10_485_760, files: 20_000, totalBytes: 104_857_600, packBytes: 1_073_741_824, deltaChain: 4096 },
  },
};

type Env = Readonly<Record<string, string>>;

test.each<readonly [string, readonly string[], Env, Partial<Config>]>([
  ['nothing stated', [], {}, {}],
  ['a flag with =', ['--concurrency=8'], {}, { concurrency: 8 }],
  ['a flag with its value behind it', ['--concurrency', '8'], {}, { concurrency: 8 }],
  ['a flag stated twice: the last counts', ['--concurrency=8', '--concurrency=9'], {}, { concurrency: 9 }],
  ['a duration', ['--history-retention=36h'], {}, { historyRetentionMs: 129_600_000 }],
  ['a variable', [], { PLUMBLINE_CONCURRENCY: '8' }, { concurrency: 8 }],
  ['flag and variable: the flag wins', ['--concurrency=8'], { PLUMBLINE_CONCURRENCY: 'nine' }, { concurrency: 8 }],
  ['an empty variable counts as none', [], { PLUMBLINE_CONCURRENCY: '', PLUMBLINE_METRICS_ADDRESS: '' }, {}],
  ['a switch alone', ['--leader-elect'], { PLUMBLINE_LEADER_ELECT: 'false' }, { leaderElect: true }],
  ['a switch turned off', ['--leader-elect=false'], {}, { leaderElect: false }],
  ['a switch turned off by the next argument', ['--leader-elect', 'false', '--concurrency=8'], {}, { leaderElect: false, concurrency: 8 }],
  ['a switch before another flag', ['--leader-elect', '--log-level=warn'], {}, { logLevel: 'warn' }],
  ['an address with a host', ['--metrics-address=127.0.0.1:8081'], {}, { metricsAddress: { host: '127.0.0.1', port: 8081 } }],
  ['an address with a name', ['--metrics-address=localhost:8081'], {}, { metricsAddress: { host: 'localhost', port: 8081 } }],
  ['an IPv6 address', ['--webhook-address=[::1]:9999'], {}, { webhookAddress: { host: '::1', port: 9999 } }],
  [
    'any free port, twice',
    ['--metrics-address=:0', '--webhook-address=:0'],
    {},
    { metricsAddress: { host: undefined, port: 0 }, webhookAddress: { host: undefined, port: 0 } },
  ],
  [
    'the same port on two hosts',
    ['--metrics-address=127.0.0.1:80', '--webhook-address=127.0.0.2:80'],
    {},
    { metricsAddress: { host: '127.0.0.1', port: 80 }, webhookAddress: { host: '127.0.0.2', port: 80 } },
  ],
  ['namespaces', ['--namespaces=shop, web,shop'], {}, { namespaces: ['shop', 'web'] }],
  ['no namespaces', ['--namespaces='], { PLUMBLINE_NAMESPACES: 'shop' }, { namespaces: [] }],
  ['an account', ['--default-service-account=deployer.v1'], {}, { defaultServiceAccount: 'deployer.v1' }],
  ['the namespace of the Lease', ['--leader-election-namespace=plumbline'], {}, { leaderElectionNamespace: 'plumbline' }],
  [
    'what is kept of git, and how large a repository may be',
    ['--git-cache-bytes=1Gi', '--git-files', '7', '--git-delta-chain=50'],
    { PLUMBLINE_GIT_TIMEOUT: '1m', PLUMBLINE_GIT_FILE_BYTES: '512Ki', PLUMBLINE_GIT_TOTAL_BYTES: '1000', PLUMBLINE_GIT_PACK_BYTES: '2Gi' },
    {
      git: {
        cacheBytes: 1_073_741_824,
        idleMs: 60_000,
        limits: { fileBytes: 524_288, files: 7, totalBytes: 1000, packBytes: 2_147_483_648, deltaChain: 50 },
      },
    },
  ],
  ['every log level', ['--log-level=debug'], {}, { logLevel: 'debug' }],
  [
    'where the API server is',
    [],
    { KUBECONFIG: '/a:/b', HOME: '/home/ada', KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' },
    { kube: { kubeconfig: '/a:/b', home: '/home/ada', serviceHost: '10.0.0.1', servicePort: '443' } },
  ],
  [
    'proxies',
    [],
    { HTTP_PROXY: 'http://proxy:3128', HTTPS_PROXY: 'proxy:3129', NO_PROXY: '.svc,10.0.0.0/8' },
    { proxies: { http: 'http://proxy:3128', https: 'proxy:3129', none: '.svc,10.0.0.0/8' } },
  ],
  [
    'proxies in lower case, unless the upper one is there',
    [],
    { http_proxy: 'a:1', https_proxy: 'b:2', HTTPS_PROXY: 'c:3', no_proxy: '*', NO_PROXY: '' },
    { proxies: { http: 'a:1', https: 'c:3', none: '*' } },
  ],
  [
    'variables that a Service of the same name brings',
    [],
    { PLUMBLINE_PORT: 'tcp://10.0.0.7:8080', PLUMBLINE_SERVICE_HOST: '10.0.0.7' },
    {},
  ],
])('%s', (_what, argv, env, expected) => {
  expect(parseConfig(argv, env)).toEqual({ config: { ...defaults, ...expected } });
});

const address = 'must be HOST:PORT or :PORT, with a port from 0 to 65535 and an IPv6 host in brackets';
test.each<readonly [readonly string[], Env, string]>([
  [['--concurency=8'], {}, '--concurency=8: is no flag; --help lists them'],
  [[], { HTTPS_PROXY: 'socks5://ada:pa55word@proxy' }, 'HTTPS_PROXY: must be http://HOST:PORT or https://HOST:PORT'],
  [['serve'], {}, 'serve: is no flag; --help lists them'],
  [['--concurrency'], {}, '--concurrency: needs a value, as in --concurrency=NUMBER'],
  [['--concurrency', '--leader-elect'], {}, '--concurrency: needs a value, as in --concurrency=NUMBER'],
  [['--concurrency='], {}, '--concurrency=: must be a whole number from 2 to 1024'],
  [['--concurrency=1'], {}, '--concurrency=1: must be a whole number from 2 to 1024'],
  [['--concurrency=1025'], {}, '--concurrency=1025: must be a whole number from 2 to 1024'],
  [['--concurrency=8.5'], {}, '--concurrency=8.5: must be a whole number from 2 to 1024'],
  [['--concurrency=0x10'], {}, '--concurrency=0x10: must be a whole number from 2 to 1024'],
  [[], { PLUMBLINE_CONCURRENCY: 'many' }, 'PLUMBLINE_CONCURRENCY=many: must be a whole number from 2 to 1024'],
  [['--leader-elect=yes'], {}, '--leader-elect=yes: must be true or false'],
  [['--log-level=loud'], {}, '--log-level=loud: must be debug, info, warn or error'],
  [['--namespaces=Shop'], {}, '--namespaces=Shop: must be names of namespaces, separated by commas'],
  [['--namespaces=shop,,web'], {}, '--namespaces=shop,,web: must be names of namespaces, separated by commas'],
  [['--leader-election-namespace=a.b'], {}, '--leader-election-namespace=a.b: must be the name of a namespace'],
  [['--default-service-account=a_b'], {}, '--default-service-account=a_b: must be the name of a service account'],
  [['--metrics-address=8080'], {}, `--metrics-address=8080: ${address}`],
  [['--metrics-address='], {}, `--metrics-address=: ${address}`],
  [['--metrics-address=:65536'], {}, `--metrics-address=:65536: ${address}`],
  [['--metrics-address=::1:8080'], {}, `--metrics-address=::1:8080: ${address}`],
  [['--metrics-address=[::g]:8080'], {}, `--metrics-address=[::g]:8080: ${address}`],
  [['--metrics-address=[127.0.0.1]:8080'], {}, `--metrics-address=[127.0.0.1]:8080: ${address}`],
  [['--metrics-address=999.0.0.1:8080'], {}, `--metrics-address=999.0.0.1:8080: ${address}`],
  [['--metrics-address=http://a:8080'], {}, `--metrics-address=http://a:8080: ${address}`],
  [['--metrics-address=:9292'], {}, '--metrics-address and --webhook-address: must not be the same'],
])('%j with %j is a fault', (argv, env, fault) => {
  expect(parseConfig(argv, env)).toEqual({ faults: [fault] });
});

test('every fault is told at once', () => {
  const env = { PLUMBLINE_LOG_LEVEL: 'loud', PLUMBLINE_NAMESPACES: 'A' };
  expect(parseConfig(['--nope', '--concurrency=0', '--metrics-address'], env)).toEqual({
    faults: [
      expect.stringContaining('--nope'),
      expect.stringContaining('--metrics-address'),
      expect.stringContaining('--concurrency'),
      expect.stringContaining('PLUMBLINE_NAMESPACES'),
      expect.stringContaining('PLUMBLINE_LOG_LEVEL'),
    ],
  });
});

test('a long value is not repeated whole', () => {
  const [fault = ''] = (parseConfig([`--log-level=${'x'.repeat(10_000)}`], {}) as { faults: string[] }).faults;
  expect(fault.length).toBeLessThan(200);
});

test.each([[['--help']], [['-h']], [['--nope', '--help']], [['--help', '--version']]])(
  '%j asks for help, whatever else is wrong',
  (argv) => {
    expect(parseConfig(argv, {})).toEqual({ help: helpText() });
  },
);

test('--version tells the version', () => {
  expect(parseConfig(['--version'], {})).toEqual({ version });
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
});

test('help names every flag, its variable and its default', () => {
  for (const flag of flags) {
    expect(helpText()).toContain(`--${flag.name}`);
    expect(helpText()).toContain(flag.meaning);
    if (flag.env !== undefined) expect(flag.env).toBe(`PLUMBLINE_${flag.name.toUpperCase().replaceAll('-', '_')}`);
  }
});
