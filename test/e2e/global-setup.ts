/**
 * jest runs this once before everything, in its main process: the operator is bundled, and the broker waits for test
 * files that need a cluster.
 */
import { dirname, join } from 'node:path';
import { type Broker, startBroker } from './broker.ts';
import { bundleOperator } from './bundle.ts';
import { type Spawner, startSpawner } from '../spawner/start.ts';
import { spawnerVariable } from '../spawner/index.ts';
import { brokerVariable, operatorVariable } from './protocol.ts';

declare global {
  var plumblineTestBroker: Broker | undefined;
  var plumblineTestSpawner: Spawner | undefined;
}

export default async function setUp(): Promise<void> {
  const spawner = await startSpawner();
  process.env[spawnerVariable] = spawner.path;
  globalThis.plumblineTestSpawner = spawner;
  const bundle = await bundleOperator();
  process.env[operatorVariable] = bundle;
  // What V8 makes of the bundle and of the sources is kept as long as the bundle: Node's own variable, for all that is started.
  process.env['NODE_COMPILE_CACHE'] = join(dirname(bundle), 'compiled');
  const broker = await startBroker(process.env);
  process.env[brokerVariable] = JSON.stringify({ url: broker.url, token: broker.token });
  globalThis.plumblineTestBroker = broker;
}
