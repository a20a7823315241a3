import { describe, expect, test } from '@jest/globals';
import { failsUntouched, failureOf } from './failing.ts';
import { runPlugin } from './plugin.ts';
import { waitForEvent, writesAs } from './refused.ts';
import { configMap, type Stage, useScene } from './scene.ts';
import { useSigners } from './signing.ts';
import { conditionOf, getSource, waitForCondition, waitUntilApplied } from './sources.ts';

const scene = useScene();
const signers = useSigners();
const head = { mode: 'HEAD', secretRef: { name: 'keys' } };

/** A source that runs a commit which alice signed; its Secret names her and bob. */
async function trusted(spec: Readonly<Record<string, unknown>> = {}): Promise<{ readonly stage: Stage; readonly commit: string }> {
  const { allowedSigners, bobAsc, secret, commit } = signers();
  const stage = await scene().stage();
  await secret(stage, { allowed_signers: allowedSigners, 'bob.asc': bobAsc });
  const first = await commit(stage.repo, { 'prod/a.yaml': configMap('a') }, 'alice');
  await stage.source({ verify: head, ...spec });
  await waitUntilApplied(scene().cluster, stage.namespace, 'shop', first);
  return { stage, commit: first };
}

async function verifiedOf(stage: Stage): Promise<string> {
  const condition = conditionOf(await getSource(scene().cluster, stage.namespace, 'shop'), 'SourceVerified');
  return `${condition?.status} ${condition?.reason}: ${condition?.message}`;
}

/** Pushes by `push` what is to be refused; gives the message of Ready, once SourceVerified says the same. */
async function refused(stage: Stage, reason: string, push: () => Promise<unknown>): Promise<string> {
  const broken = async (): Promise<void> => {
    await push();
    await stage.request();
  };
  const message = await failsUntouched(scene().cluster, stage, broken, { reason });
  expect(await verifiedOf(stage)).toMatch(new RegExp(`^False ${reason}: `));
  expect(await verifiedOf(stage)).toContain(`: ${message.slice(0, message.indexOf('. Nothing was changed'))}. `);
  return message;
}

const short = (commit: string): string => commit.slice(0, 7);

describe('a signed commit', () => {
  test.concurrent('is applied, and SourceVerified names signer and key, of SSH and of OpenPGP', async () => {
    const { stage, commit } = await trusted();
    const { keys } = signers();
    expect(await verifiedOf(stage)).toBe(
      `True Verified: Commit ${short(commit)} is signed by alice@example.com with SSH key ${keys.alice}.`,
    );
    const next = await signers().commit(stage.repo, { 'prod/b.yaml': configMap('b') }, 'bob@example.com');
    await stage.request();
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', next);
    const words = `Commit ${short(next)} is signed by bob <bob@example.com> with OpenPGP key ${keys['bob@example.com']}.`;
    expect(await verifiedOf(stage)).toBe(`True Verified: ${words}`);
    const described = await stage.kubectl('describe', 'gos', 'shop');
    expect(described).toContain(words);
    expect(described).toMatch(/Reason: +Verified\n +Status: +True\n +Type: +SourceVerified/);
  });

  test.concurrent('a source without verify says nothing of signatures, and one that takes it out no longer', async () => {
    const { cluster } = scene();
    const { stage } = await trusted();
    await stage.source();
    const unsigned = await stage.repo.write({ 'prod/b.yaml': configMap('b') });
    await stage.request();
    const source = await waitUntilApplied(cluster, stage.namespace, 'shop', unsigned);
    expect(conditionOf(source, 'SourceVerified')).toBeUndefined();
    // Asked for again, it is refused, though it is what runs: nothing of it goes away.
    const message = await failsUntouched(cluster, stage, () => stage.source({ verify: head }), { reason: 'SignatureMissing' });
    expect(message).toContain(`commit ${short(unsigned)} is not signed`);
    expect(await stage.get('configmap', 'b')).toBeDefined();
  });
});

describe('a commit that is refused: nothing of it is rendered, and what runs stays', () => {
  test.concurrent('unsigned: on a source that never ran no object is written; a signed commit heals', async () => {
    const { cluster } = scene();
    const { allowedSigners, secret, commit } = signers();
    const stage = await scene().stage();
    await secret(stage, { allowed_signers: allowedSigners });
    // It would fail in render as well, which is not reached.
    const unsigned = await commit(stage.repo, { 'prod/a.yaml': configMap('a'), 'prod/broken.yaml': 'kind: [' });
    const audit = await cluster.audit();
    await stage.source({ verify: head });
    expect(await failureOf(cluster, stage, { reason: 'SignatureMissing' })).toBe(
      `commit ${short(unsigned)} is not signed. Nothing was changed. Sign it (git commit -S, git tag -s) and push, or take spec.verify away.`,
    );
    expect(writesAs(await audit.events(), `system:serviceaccount:${stage.namespace}:deployer`)).toEqual([]);
    const { status } = await getSource(cluster, stage.namespace, 'shop');
    expect(status.revision).toEqual({ observed: { commit: unsigned, time: expect.any(String) } });
    await waitForEvent(cluster, stage.namespace, 'shop', 'SignatureMissing', `commit ${short(unsigned)} is not signed`);
    const described = await stage.kubectl('describe', 'gos', 'shop');
    expect(described).toMatch(/Reason: +SignatureMissing\n +Status: +False\n +Type: +SourceVerified/);
    const mended = await commit(stage.repo, { 'prod/broken.yaml': null }, 'alice');
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', mended);
  });

  test.concurrent('by a key that the Secret does not name, until it does', async () => {
    const { cluster } = scene();
    const { allowedSigners, keys, place, secret, commit } = signers();
    const { stage } = await trusted();
    let pushed = '';
    const message = await refused(stage, 'SignatureUntrusted', async () => {
      pushed = await commit(stage.repo, { 'prod/a.yaml': configMap('a', { key: 'evil' }) }, 'mallory');
    });
    expect(message).toContain(`commit ${short(pushed)} is signed with SSH key ${keys.mallory}, which no line of allowed_signers`);
    const added = `${allowedSigners}mallory@example.com ${(await place.read('mallory.pub')).toString()}`;
    await secret(stage, { allowed_signers: added });
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', pushed);
    expect(await verifiedOf(stage)).toContain('is signed by mallory@example.com');
  });

  test.concurrent('altered after signing', async () => {
    const { stage, commit } = await trusted();
    const message = await refused(stage, 'SignatureInvalid', async () => {
      const { place } = signers();
      const draft = await stage.repo.write({ 'prod/a.yaml': configMap('a', { key: 'evil' }) }, { branch: 'draft', parent: commit });
      const [raw, tree] = [await stage.repo.git('cat-file', 'commit', commit), await stage.repo.git('rev-parse', `${draft}^{tree}`)];
      const file = await place.write(`altered-${stage.namespace}`, `${raw.replace(/^tree \S+/, `tree ${tree}`)}\n`);
      await stage.repo.setRef('refs/heads/main', await stage.repo.git('hash-object', '-t', 'commit', '-w', file));
    });
    expect(message).toContain(`by SSH key ${signers().keys.alice}: it, or the signature, was altered after signing`);
  });

  test.concurrent('signed after the end of the key', async () => {
    const { allowedSigners, secret, commit } = signers();
    const { stage } = await trusted();
    await secret(stage, { allowed_signers: allowedSigners.replace('namespaces="git"', 'valid-before="20300101Z"') });
    const message = await refused(stage, 'SignatureExpired', () =>
      commit(stage.repo, { 'prod/a.yaml': configMap('a', { key: 'late' }) }, 'alice', {
        env: { GIT_COMMITTER_DATE: '2030-01-02T00:00:00Z' },
      }),
    );
    expect(message).toContain('line 1 of allowed_signers says valid-before 2030-01-01T00:00:00Z, and it is of 2030-01-02T00:00:00Z');
  });

  test.concurrent('signed with a key that is revoked', async () => {
    const { bobAsc, keys, place, secret, commit } = signers();
    const { stage } = await trusted();
    await secret(stage, { 'bob.asc': bobAsc, 'revoked.asc': await place.gpgRevocation('bob@example.com', '1') });
    const message = await refused(stage, 'SignatureRevoked', () =>
      commit(stage.repo, { 'prod/a.yaml': configMap('a', { key: 'revoked' }) }, 'bob@example.com'),
    );
    expect(message).toContain(`is signed with OpenPGP key ${keys['bob@example.com']} of bob <bob@example.com>, which is revoked`);
  });
});

describe('a tag', () => {
  const verify = { mode: 'Tag', secretRef: { name: 'keys' } };

  test.concurrent('mode Tag on a branch: Stalled, since only an edit of the spec helps', async () => {
    const { cluster } = scene();
    const { stage, commit } = await trusted();
    const edit = () => stage.source({ verify, ref: { branch: 'main' } });
    const message = await failsUntouched(cluster, stage, edit, { reason: 'InvalidSpec', stalled: true });
    expect(message).toMatch(/^spec\.verify\.mode is Tag, and spec\.ref names no tag whose signature could be verified\. /);
    expect(message).toMatch(
      /Follow a tag \(spec\.ref\.tag, semver, or a name under refs\/tags\/\), or verify the commit with mode HEAD\.$/,
    );
    expect(await verifiedOf(stage)).toMatch(/^Unknown InvalidSpec: No commit was verified yet: /);
    await stage.source({ verify: head, ref: { branch: 'main' } });
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test.concurrent('lightweight, unsigned, signed by a stranger; then signed, also over an unsigned commit', async () => {
    const { cluster } = scene();
    const { allowedSigners, keys, secret, commit, tag } = signers();
    const stage = await scene().stage();
    await secret(stage, { allowed_signers: allowedSigners });
    const unsigned = await commit(stage.repo, { 'prod/a.yaml': configMap('a') });
    await stage.repo.tag('v1', unsigned);
    await stage.source({ verify, ref: { tag: 'v1' } });
    expect(await failureOf(cluster, stage, { reason: 'SignatureMissing' })).toMatch(
      /^tag v1 is a lightweight tag, which cannot carry a signature\. Nothing was changed\. Make it anew as a signed tag \(git tag -s -f v1 /,
    );
    await stage.repo.tag('v1', unsigned, 'Version 1');
    await failureOf(cluster, stage, { reason: 'SignatureMissing', message: 'tag v1 is not signed' });
    await tag(stage.repo, 'v1', unsigned, 'mallory');
    await failureOf(cluster, stage, { reason: 'SignatureUntrusted', message: `tag v1 is signed with SSH key ${keys.mallory}` });
    // The commit is the same all the while: it is the tag that is looked at anew.
    await tag(stage.repo, 'v1', unsigned, 'alice');
    await waitUntilApplied(cluster, stage.namespace, 'shop', unsigned);
    expect(await verifiedOf(stage)).toBe(`True Verified: Tag v1 is signed by alice@example.com with SSH key ${keys.alice}.`);
    const both = () => stage.source({ verify: { ...verify, mode: 'TagAndHEAD' }, ref: { tag: 'v1' } });
    const message = await failsUntouched(cluster, stage, both, { reason: 'SignatureMissing' });
    expect(message).toContain(`commit ${short(unsigned)} is not signed`);
  });
});

describe('every commit that is deployed is verified', () => {
  test.concurrent('a rollback to an unsigned one is refused, one to a signed one goes through', async () => {
    const { cluster } = scene();
    const { commit } = signers();
    const { stage, commit: first } = await trusted();
    const unsigned = await commit(stage.repo, { 'prod/a.yaml': configMap('a', { key: 'unsigned' }) });
    const now = await commit(stage.repo, { 'prod/a.yaml': configMap('a', { key: 'new' }) }, 'bob@example.com');
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', now);
    const back = () => stage.source({ verify: head, ref: { commit: unsigned } });
    expect(await failsUntouched(cluster, stage, back, { reason: 'SignatureMissing' })).toContain(`commit ${short(unsigned)} is not signed`);
    await stage.source({ verify: head, ref: { commit: first } });
    await waitUntilApplied(cluster, stage.namespace, 'shop', first);
    expect(await verifiedOf(stage)).toContain(`Commit ${short(first)} is signed by alice@example.com`);
    expect((await stage.get('configmap', 'a')).data.key).toBe('value');
  });

  test.concurrent('one whose tree is the same as what runs; and what runs, once its key left the Secret', async () => {
    const { bobAsc, allowedSigners, secret, commit } = signers();
    const { stage, commit: first } = await trusted();
    await refused(stage, 'SignatureMissing', () => commit(stage.repo, {}));
    const again = await commit(stage.repo, {}, 'alice', { parent: first });
    await stage.request();
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', again);
    const message = await refused(stage, 'SignatureUntrusted', () => secret(stage, { 'bob.asc': bobAsc }));
    expect(message).toContain(`commit ${short(again)} is signed with SSH key ${signers().keys.alice}, and the Secret`);
    // Nor does the plugin render it.
    const plugin = await runPlugin(scene().cluster.kubeconfigPath, ['verify', `${stage.namespace}/shop`]);
    expect([plugin.code, plugin.out, plugin.err]).toEqual([
      2,
      '',
      expect.stringContaining(`commit ${short(again)} is signed with SSH key`),
    ]);
    await secret(stage, { allowed_signers: allowedSigners });
    await stage.request();
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'SourceVerified', status: 'True', reason: 'Verified' });
  });

  test.concurrent('what another source states is not rendered either where that source would not: what leaves for it stays', async () => {
    const { cluster } = scene();
    const { allowedSigners, secret, commit } = signers();
    const stage = await scene().stage();
    await secret(stage, { allowed_signers: allowedSigners });
    const files = { 'a/one.yaml': configMap('one'), 'a/two.yaml': configMap('two'), 'b/three.yaml': configMap('three') };
    const first = await commit(stage.repo, files, 'alice');
    await stage.source({ path: 'a' }, 'a');
    await stage.source({ path: 'b', verify: head }, 'b');
    for (const name of ['a', 'b']) await waitUntilApplied(cluster, stage.namespace, name, first);
    // It only names the object; to know that it does not state it, it would have to be rendered.
    const unsigned = await commit(stage.repo, { 'a/one.yaml': null, 'b/three.yaml': configMap('three', { key: 'one' }) });
    await stage.request('a');
    await waitUntilApplied(cluster, stage.namespace, 'a', unsigned);
    await waitForEvent(
      cluster,
      stage.namespace,
      'a',
      'Notice',
      `GitOpsSource ${stage.namespace}/b, which may state it and cannot be rendered (SignatureMissing)`,
    );
    expect(await stage.get('configmap', 'one')).toBeDefined();
  });

  test.concurrent('a Secret that is missing or broken is told, and heals when it is there', async () => {
    const { cluster } = scene();
    const { allowedSigners, secret } = signers();
    const { stage, commit } = await trusted();
    const gone = async (): Promise<void> => {
      await stage.kubectl('delete', 'secret', 'keys');
      await stage.request();
    };
    expect(await failsUntouched(cluster, stage, gone, { reason: 'SecretNotFound' })).toContain(
      `Secret ${stage.namespace}/keys, which spec.verify.secretRef names, does not exist`,
    );
    expect(await verifiedOf(stage)).toMatch(/^Unknown SecretNotFound: /);
    await secret(stage, { allowed_signers: 'alice@example.com ssh-ed25519 broken' });
    const message = await failureOf(cluster, stage, { reason: 'VerifyKeysInvalid' });
    expect(message).toContain('line 1 of allowed_signers in the Secret of spec.verify: ');
    await secret(stage, { allowed_signers: allowedSigners });
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    expect(await verifiedOf(stage)).toMatch(/^True Verified: /);
  });
});
