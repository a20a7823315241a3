/** The story that the demo tells: a shop's repository over a few pushes, each step checked on the real cluster. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Edit } from './clone.ts';
import { operatorNamespace, type Setting } from './setting.ts';
import { type Questions, type SourceName, questionsTo, short, sourceNames } from './sources.ts';
import type { Tell } from './tell.ts';

/** What the chapters share, and what one leaves to the next. */
interface Story {
  readonly tell: Tell;
  readonly setting: Setting;
  readonly ask: Questions;
  /** Commits and pushes, has all sources asked to look, and gives the commit. */
  push(message: string, author: string, edits?: Readonly<Record<string, Edit>>): Promise<string>;
  allApplied(commit: string, names?: readonly SourceName[]): Promise<void>;
}

const grace = 'Grace Hopper <grace@shop.example.com>';
const barbara = 'Barbara Liskov <barbara@shop.example.com>';
const deployment = 'shop/web/deployment.yaml';
const config = 'shop/web/config.yaml';
/** The only secret there is; it must be seen nowhere. */
const secret = 'sandbox-7Qm2vXc9LrT4';

/** Tells it to the end; rejects at the first claim that does not hold. */
export async function tellStory(tell: Tell, setting: Setting): Promise<void> {
  const ask = questionsTo(setting);
  const story: Story = {
    tell,
    setting,
    ask,
    async push(message, author, edits = {}) {
      await setting.clone.edit(edits);
      const commit = await setting.clone.push(message, author);
      tell.say(`git push  ${short(commit)}  “${message}”  ${author.replace(/ <.*/, '')}`);
      return commit;
    },
    async allApplied(commit, names: readonly SourceName[] = sourceNames) {
      await tell.check(ask.applied(names, commit));
    },
  };
  const first = await firstDeploy(story);
  const bumped = await imageBump(story, first);
  const broken = await brokenManifest(story, bumped);
  await itsFix(story, broken);
  const pruned = await manifestRemoved(story);
  const emptied = await directoryEmptied(story, pruned);
  await whatIsSeen(story, emptied);
}

async function firstDeploy({ tell, setting, ask, push, allApplied }: Story): Promise<string> {
  tell.heading('1  The first deploy');
  await setting.clone.fill(join(import.meta.dirname, 'shop'));
  const commit = await push('Open the shop', grace);
  await setting.applyFile('platform-source.yaml');
  await allApplied(commit, ['platform']);
  await tell.check({
    says: 'namespaces shop and payments and the kind Promotion are in',
    expected: 'shop payments promotions.shop.example.com',
    got: () => setting.kubectl('get', 'namespace/shop', 'namespace/payments', 'crd/promotions.shop.example.com', '-o', names),
    look: ask.look('platform'),
  });
  await setting.applyFile('team-sources.yaml');
  await allApplied(commit, ['shop', 'payments']);
  await rolledOut(tell, setting);
  await tell.check({
    says: 'every object says which commit put it there: 3 of the platform, 8 of the shop, 3 of payments',
    expected: '3 8 3',
    got: async () => (await Promise.all(sourceNames.map((name) => countAt(setting, name, commit)))).join(' '),
    look: "the annotations plumbline.dev/commit of the sources' objects",
  });
  await tell.check({
    says: 'and which file and line: Ingress shop/web comes from shop/web/ingress.yaml:1',
    expected: 'shop/web/ingress.yaml:1',
    got: () => ask.value('shop', 'ingress/web', '.metadata.annotations.plumbline\\.dev/origin'),
    look: ask.look('shop'),
  });
  const mayNot = async (account: string, namespace: string): Promise<string> => {
    const args = ['auth', 'can-i', 'create', 'deployments', '-n', namespace, `--as=system:serviceaccount:${account}`];
    return (await setting.plane.tryKubectl(args)).stdout;
  };
  await tell.check({
    says: 'the operator itself may not write a Deployment, and the account of payments none of the shop',
    expected: 'no no',
    got: async () =>
      (await Promise.all([mayNot(`${operatorNamespace}:plumbline`, 'shop'), mayNot('payments:deployer', 'shop')]))
        .map((answer) => answer.trim())
        .join(' '),
    look: 'kubectl describe clusterrole plumbline-system:plumbline, and test/demo/team-sources.yaml',
  });
  tell.output('kubectl get deployments,ingresses,promotions -n shop', await setting.kubectl('get', 'deploy,ing,promo', '-n', 'shop'));
  return commit;
}

async function imageBump({ tell, setting, ask, push, allApplied }: Story, first: string): Promise<string> {
  tell.heading('2  An image bump');
  const service = await ask.value('shop', 'service/web', '.metadata.resourceVersion');
  const commit = await push('web 2.5.0', barbara, { [deployment]: replaced('web:2.4.0', 'web:2.5.0') });
  const began = performance.now();
  await notify(setting);
  await tell.check(runs(ask, 'web:2.5.0'));
  const took = (performance.now() - began) / 1_000;
  await rolledOut(tell, setting);
  await allApplied(commit);
  await tell.check({
    says: 'Service shop/web did not change, and was not written',
    expected: `${service} ${first}`,
    got: () => ask.value('shop', 'service/web', '{.metadata.resourceVersion} {.metadata.annotations.plumbline\\.dev/commit}'),
    look: 'kubectl get service web -n shop -o yaml --show-managed-fields',
  });
  tell.say(`From the webhook's call to the new image in the cluster: ${took.toFixed(1)} s.`);
  return commit;
}

async function brokenManifest({ tell, setting, ask, push, allApplied }: Story, running: string): Promise<string> {
  tell.heading('3  A broken manifest');
  const tried = await push('web 2.6.0, without reviews', barbara, {
    // One space too few.
    [deployment]: replaced('          image: registry.example.com/shop/web:2.5.0', '         image: registry.example.com/shop/web:2.6.0'),
    [config]: replaced('SHOW_REVIEWS: "yes"', 'SHOW_REVIEWS: "no"'),
  });
  await notify(setting);
  const says = `source shop refuses ${short(tried)}, and ${short(running)} stays applied`;
  await tell.check(ask.refused('shop', { says, reason: 'RenderFailed', tried, running }));
  const line = await lineOf(setting, 'image:');
  await tell.check({
    says: `the message names the file and the line, ${deployment}:${line}`,
    expected: new RegExp(`^${deployment}:${line}\\b`),
    got: () => ask.message('shop'),
    look: ask.look('shop'),
  });
  await tell.check(runs(ask, 'web:2.5.0'));
  await tell.check(reviews(ask, 'yes', 'nothing else of that commit is in'));
  await allApplied(tried, ['platform', 'payments']);
  tell.quote(await ask.message('shop'));
  return tried;
}

async function itsFix({ tell, setting, ask, push, allApplied }: Story, broken: string): Promise<void> {
  tell.heading('4  Its fix');
  const commit = await push('Indent the image as it should be', barbara, { [deployment]: replaced('         image:', '          image:') });
  await notify(setting);
  await allApplied(commit);
  await tell.check(runs(ask, 'web:2.6.0'));
  await tell.check(reviews(ask, 'no', 'and with it the rest of what was refused'));
  await rolledOut(tell, setting);
  await tell.check({
    says: `the history keeps the refusal of ${short(broken)}`,
    expected: /^Applied Failed Applied Applied$/,
    got: () => ask.value('shop', 'gos/shop', '.status.history[*].result'),
    look: ask.look('shop'),
  });
}

async function manifestRemoved({ tell, setting, ask, push, allApplied }: Story): Promise<string> {
  tell.heading('5  A manifest removed');
  const commit = await push('The spring sale is over', grace, { 'shop/promotions/spring-sale.yaml': null });
  await notify(setting);
  await allApplied(commit);
  await tell.check({
    says: 'Promotion shop/spring-sale is pruned, shop/free-shipping is not',
    expected: 'free-shipping',
    got: () => setting.kubectl('get', 'promotions', '-n', 'shop', '-o', names),
    look: ask.look('shop'),
  });
  return commit;
}

async function directoryEmptied({ tell, setting, ask, push, allApplied }: Story, running: string): Promise<string> {
  tell.heading('6  A directory emptied by mistake');
  const uid = '.metadata.uid';
  const before = await ask.value('payments', 'deployment/api', uid);
  const tried = await push('Tidy up', grace, {
    'payments/deployment.yaml': null,
    'payments/service.yaml': null,
    'payments/secret.yaml': null,
  });
  await notify(setting);
  const says = 'source payments holds the prune and waits for a person';
  await tell.check(ask.refused('payments', { says, reason: 'PruneHeld', tried, running }));
  await allApplied(tried, ['platform', 'shop']);
  await tell.check({
    says: 'the payment service runs on: Deployment, Service and Secret are as they were',
    expected: `${before} 2 api provider`,
    got: async () =>
      [
        await ask.value('payments', 'deployment/api', `{${uid}} {.status.readyReplicas}`),
        await setting.kubectl('get', 'service/api', 'secret/provider', '-n', 'payments', '-o', names),
      ].join(' '),
    look: ask.look('payments'),
  });
  tell.quote(await ask.message('payments'));
  return tried;
}

async function whatIsSeen({ tell, setting, ask }: Story, last: string): Promise<void> {
  tell.heading('7  Which commit runs where');
  const described = await setting.kubectl('describe', 'gos', 'shop', '-n', 'shop');
  const metrics = await (await fetch(`${setting.metricsUrl}/metrics`)).text();
  const revisions = metrics
    .split('\n')
    .filter((line) => line.startsWith('plumbline_revision_info{'))
    .toSorted();
  await tell.check({
    says: 'the metrics map what runs to its commit, for every source',
    expected: '3',
    got: async () => String(revisions.filter((line) => line.includes('stage="observed"') && line.includes(last)).length),
    look: `${setting.metricsUrl}/metrics`,
  });
  const told = [
    ...(await Promise.all(['gos', 'events'].map((kind) => setting.kubectl('get', kind, '--all-namespaces', '-o', 'yaml')))),
    metrics,
    await readFile(setting.operatorLog, 'utf8'),
  ].join('\n');
  await tell.check({
    says: 'the value of the Secret is in no status, event, metric or log',
    expected: '0 times',
    got: async () => `${told.split(secret).length + told.split(Buffer.from(secret).toString('base64')).length - 2} times`,
    look: ask.look('payments'),
  });
  tell.output('kubectl get gos --all-namespaces', await setting.kubectl('get', 'gos', '--all-namespaces'));
  tell.output('kubectl describe gos shop --namespace shop', described);
  tell.output(`curl -s ${setting.metricsUrl}/metrics | grep ^plumbline_revision_info | sort`, revisions.join('\n'));
}

const names = 'jsonpath={.items[*].metadata.name}';

/** A forge calls a receiver at a push; here is none, and an annotation asks in its stead. */
async function notify(setting: Setting): Promise<void> {
  await setting.kubectl('annotate', 'gos', '--all', '-A', '--overwrite', `plumbline.dev/requestedAt=${new Date().toISOString()}`);
}

async function rolledOut(tell: Tell, setting: Setting): Promise<void> {
  await tell.check({
    says: 'three applications run: web with 3 pods, catalog and payments with 2 each',
    expected: 'web 3/3/3, catalog 2/2/2, api 2/2/2',
    got: async () => {
      const counts = '{.metadata.name} {.spec.replicas}/{.status.updatedReplicas}/{.status.readyReplicas}';
      const where = [['web', 'shop'] as const, ['catalog', 'shop'] as const, ['api', 'payments'] as const];
      const rows = where.map(([name, namespace]) => setting.kubectl('get', 'deploy', name, '-n', namespace, '-o', `jsonpath=${counts}`));
      return (await Promise.all(rows)).join(', ');
    },
    look: 'kubectl get deployments,pods --all-namespaces',
    withinMs: 60_000,
  });
}

function runs(ask: Questions, image: string) {
  return {
    says: `Deployment shop/web has image ${image}`,
    expected: `registry.example.com/shop/${image}`,
    got: () => ask.value('shop', 'deployment/web', '.spec.template.spec.containers[0].image'),
    look: ask.look('shop'),
  };
}

function reviews(ask: Questions, expected: string, so: string) {
  const got = (): Promise<string> => ask.value('shop', 'configmap/web', '.data.SHOW_REVIEWS');
  return { says: `${so}: ConfigMap shop/web says ${expected} to reviews`, expected, got, look: ask.look('shop') };
}

/** How many members of a source came with a commit. */
async function countAt(setting: Setting, source: SourceName, commit: string): Promise<number> {
  const id = await setting.kubectl('get', 'gos', source, '-n', source, '-o', 'jsonpath={.metadata.labels.applyset\\.kubernetes\\.io/id}');
  const kinds = source === 'platform' ? 'namespaces,crds' : 'deployments,services,ingresses,configmaps,secrets,promotions';
  const where = source === 'platform' ? [] : ['-n', source];
  const list = await setting.kubectl('get', kinds, ...where, '-l', `applyset.kubernetes.io/part-of=${id}`, '-o', 'json');
  const { items } = JSON.parse(list) as { items: { metadata: { annotations?: Record<string, string> } }[] };
  return items.filter(({ metadata }) => metadata.annotations?.['plumbline.dev/commit'] === commit).length;
}

function replaced(from: string, to: string): Edit {
  return (text) => text.replace(from, to);
}

/** The line of the web Deployment's file that holds a text. */
async function lineOf({ clone }: Setting, text: string): Promise<number> {
  const lines = (await readFile(join(clone.directory, deployment), 'utf8')).split('\n');
  return lines.findIndex((line) => line.includes(text)) + 1;
}
