import { describe, expect, test } from '@jest/globals';
import type { ManagedFieldsEntry, ObjectMeta } from '../../operator/kube/types.ts';
import { isNewer } from '../../operator/kube/versions.ts';
import { readLiveObject, readLookedUp } from '../../operator/live/read.ts';
import { resourceOf } from '../plan/made.ts';

const label = 'applyset.kubernetes.io/part-of';
const ownLabel = { 'f:labels': { [`f:${label}`]: {} } };
const ownBoth = { ...ownLabel, 'f:annotations': { 'f:plumbline.dev/hash': {} } };

function entry(fields: Record<string, unknown>, more: Partial<ManagedFieldsEntry> = {}): ManagedFieldsEntry {
  return { manager: 'plumbline', operation: 'Apply', fieldsV1: { 'f:metadata': fields }, ...more };
}

function read(metadata: Partial<ObjectMeta>) {
  return readLookedUp(resourceOf({}), { metadata: { name: 'a', namespace: 'shop', uid: 'u', resourceVersion: '1', ...metadata } });
}

describe('proof of membership', () => {
  test.each<[string, ManagedFieldsEntry[], boolean, boolean]>([
    ['is the label in our Apply entry', [entry(ownLabel)], true, false],
    ['with the hash it means unchanged', [entry(ownBoth)], true, true],
    ['is not the label in an Update of ours', [entry(ownBoth, { operation: 'Update' })], false, false],
    ['is not the label in the entry of another', [entry(ownBoth, { manager: 'kubectl' })], false, false],
    ['is not the label under a subresource', [entry(ownBoth, { subresource: 'status' })], false, false],
    ['is not there without managedFields', [], false, false],
  ])('%s', (_name, managedFields, ownsLabel, ownsHashAndLabel) => {
    expect(read({ managedFields, labels: { [label]: 'set' } })).toMatchObject({ partOf: 'set', ownsLabel, ownsHashAndLabel });
  });
});

describe('what is kept of an object', () => {
  test('is its own annotations, its controller and whether it is going', () => {
    const controller = { apiVersion: 'v1', kind: 'Service', name: 'web', uid: 's', controller: true };
    const other = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'n' };
    const live = readLiveObject(resourceOf({}), {
      metadata: {
        name: 'a',
        ownerReferences: [other, controller],
        annotations: { 'plumbline.dev/hash': 'v1:x', team: 'shop' },
        deletionTimestamp: '2026-01-01T00:00:00Z',
      },
    });
    expect(live).toMatchObject({ deleting: true, controllerOwner: controller, annotations: { 'plumbline.dev/hash': 'v1:x' } });
    expect(live.annotations).not.toHaveProperty('team');
  });
  test.each<[string, Partial<ObjectMeta>, string, string]>([
    [
      'Flux',
      { labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop', 'kustomize.toolkit.fluxcd.io/namespace': 'flux' } },
      'Flux',
      'Kustomization flux/shop',
    ],
    ['Flux by helm', { labels: { 'helm.toolkit.fluxcd.io/name': 'shop' } }, 'Flux', 'HelmRelease flux-system/shop'],
    ['Argo CD', { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:shop/web' } }, 'Argo CD', 'Application shop'],
    ['Helm', { annotations: { 'meta.helm.sh/release-name': 'web', 'meta.helm.sh/release-namespace': 'shop' } }, 'Helm', 'release shop/web'],
  ])('the mark of %s names its owner', (_name, metadata, tool, owner) => {
    expect(read(metadata).mark).toMatchObject({ tool, owner });
  });
  test('a label that Helm charts state everywhere is no mark', () => {
    expect(read({ labels: { 'app.kubernetes.io/managed-by': 'Helm' } }).mark).toBeUndefined();
  });
});

describe('a resourceVersion', () => {
  test.each([
    ['10', '9', true],
    ['9', '10', false],
    ['7', '7', false],
    ['18446744073709551617', '18446744073709551616', true],
  ])('%s is newer than %s: %s', (a, b, newer) => expect(isNewer(a, b)).toBe(newer));
});
