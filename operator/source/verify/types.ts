/** What verification takes and gives. */

/** The public keys that a Secret of spec.verify holds. */
export interface VerifyKeys {
  /** OpenPGP, armoured: keys and revocation certificates, by the key of the Secret that each stands in. */
  readonly asc: readonly { readonly name: string; readonly text: string }[];
  /** SSH, the format of ssh-keygen; undefined when the Secret has none. */
  readonly allowedSigners: string | undefined;
}

/** One signature that counts: of `commit 4f2a9c1` or `tag v1.2.0`. */
export interface Signed {
  readonly what: string;
  readonly by: Verified;
}

/** Who signed. All text is fit for a message. */
export interface Verified {
  readonly kind: 'OpenPGP' | 'SSH';
  /** The primary user ID of an OpenPGP key; the principals that `allowed_signers` or the certificate names. */
  readonly signer: string;
  /** Fingerprint: of the OpenPGP primary key, in capitals; of the SSH key, `SHA256:…`. */
  readonly key: string;
}
