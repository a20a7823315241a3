/**
 * jest runs this once before everything, in its main process: the operator is bundled, and the broker waits for test
 * files that need a cluster.
 */
import { type Broker, startBroker } from './broker.ts';
import { bundleOperator } from './bundle.ts';
import { brokerVariable, operatorVariable } from './protocol.ts';

declare global {
  var plumblineTestBroker: Broker | undefined;
}

export default async function setUp(): Promise<void> {
  process.env[operatorVariable] = await bundleOperator();
  const broker = await startBroker(process.env);
  process.env[brokerVariable] = JSON.stringify({ url: broker.url, token: broker.token });
  globalThis.plumblineTestBroker = broker;
}
