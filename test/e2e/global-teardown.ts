/** jest runs this once after everything. */
export default async function tearDown(): Promise<void> {
  await globalThis.plumblineTestBroker?.close();
}
