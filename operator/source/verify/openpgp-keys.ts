/** OpenPGP public keys and revocation certificates out of a Secret. */
import type { Key, Subkey } from 'openpgp';
import { PlumblineError } from '../../errors.ts';
import type { Fault } from '../../errors.ts';
import { armoredBlocks, readArmor } from './armor.ts';
import type { VerifyKeys } from './types.ts';

type Library = typeof import('openpgp');
type KeyFile = VerifyKeys['asc'][number];

/** Loaded when the first signature of OpenPGP is met: it is large. */
export async function loadOpenPgp(): Promise<Library> {
  return import('openpgp');
}

/** Every key in the files, each copy of a key on its own. Throws PlumblineError VerifyKeysInvalid with all faults. */
export async function readPublicKeys(library: Library, files: VerifyKeys['asc']): Promise<Key[]> {
  const keys: Key[] = [];
  const revocations: { readonly file: KeyFile; readonly bytes: Buffer }[] = [];
  const faults: Fault[] = [];
  for (const file of files) {
    const blocks = armoredBlocks(file.text);
    if (blocks.length === 0) faults.push(fault(file, 'there is no armoured OpenPGP key in it'));
    for (const block of blocks) {
      if (block.startsWith('-----BEGIN PGP PRIVATE KEY BLOCK-----')) {
        faults.push(
          fault(file, 'it holds a private key', 'Replace it by the public key (gpg --armor --export), and the private one by a new one.'),
        );
        continue;
      }
      try {
        const bytes = readArmor(block, 'PGP PUBLIC KEY BLOCK', (message) => new PlumblineError(fault(file, message)));
        if (isSignature(bytes)) revocations.push({ file, bytes });
        else keys.push(...(await library.readKeys({ binaryKeys: bytes })));
      } catch (error) {
        faults.push(...(error instanceof PlumblineError ? error.faults : [fault(file, 'it does not parse as an OpenPGP public key')]));
      }
    }
  }
  for (const { file, bytes } of revocations) {
    try {
      await revoke(library, keys, bytes);
    } catch (error) {
      faults.push(...(error instanceof PlumblineError ? error.faults : [fault(file, 'it holds a revocation certificate that is broken')]));
    }
  }
  if (faults.length > 0) throw new PlumblineError(faults);
  return keys;
}

function fault(file: KeyFile, message: string, remedy = 'Write there what gpg --armor --export KEY gives.'): Fault {
  return { reason: 'VerifyKeysInvalid', message: `key ${file.name} in the Secret of spec.verify: ${message}`, remedy };
}

/** Whether the first packet is a signature: then the block is a revocation certificate (gpg --generate-revocation). */
function isSignature([first = 0]: Buffer): boolean {
  return (first & 0x40) === 0 ? (first & 0x3c) >> 2 === 2 : (first & 0x3f) === 2;
}

/** Puts a revocation certificate on the keys that it is about; one about other keys changes nothing. Throws when it is broken. */
async function revoke(library: Library, keys: readonly Key[], bytes: Buffer): Promise<void> {
  const { packets } = await library.readSignature({ binarySignature: bytes });
  const [packet] = packets;
  if (packet === undefined || packets.length !== 1 || packet.signatureType !== library.enums.signature.keyRevocation) {
    throw new Error('no revocation of a key');
  }
  for (const key of keys.filter((one) => one.getKeyID().equals(packet.issuerKeyID))) {
    // At whatever time it was made.
    await packet.verify(key.keyPacket, packet.signatureType, { key: key.keyPacket }, noDate);
    key.revocationSignatures.push(packet);
  }
}

/** The library takes null for a check that does not look at the time; its types do not say so. */
export const noDate = null as unknown as Date;

/** The primary key or subkey that one of `issuers` (fingerprints or key IDs, hex in capitals) names. */
export function keyNamed(key: Key, issuers: readonly string[]): Key | Subkey | undefined {
  return [key, ...key.subkeys].find((one) => {
    const names = [one.getFingerprint().toUpperCase(), one.getKeyID().toHex().toUpperCase()];
    return issuers.length > 0 && issuers.every((issuer) => names.includes(issuer));
  });
}

/** When somebody last said something about the key with the key itself; milliseconds since the epoch. */
export function lastSelfSignature(key: Key): number {
  const signatures = [
    ...key.users.flatMap((user) => user.selfCertifications),
    ...key.subkeys.flatMap((subkey) => subkey.bindingSignatures),
  ];
  return Math.max(0, ...signatures.map((signature) => signature.created?.getTime() ?? 0));
}
