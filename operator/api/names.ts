/** Every name that Plumbline writes into the cluster: group, labels, annotations, field managers. */

export const group = 'plumbline.dev';
export const version = 'v1';
export const apiVersion = `${group}/${version}`;
export const kind = 'GitOpsSource';
export const plural = 'gitopssources';

/** The field manager of everything that is applied from git. */
export const fieldManager = 'plumbline';
/** The field manager of the operator's own writes to a GitOpsSource (rule 17). */
export const controllerManager = 'plumbline-controller';
/** Held by a source until what it deployed is pruned or let go. */
export const finalizer = 'plumbline.dev/source';

/** Annotations that every applied object carries. */
export const commitAnnotation = 'plumbline.dev/commit';
/** Beside it where history was not followed far enough: the manifest changed at that commit or before. */
export const commitBoundAnnotation = 'plumbline.dev/commit-bound';
export const atOrBefore = 'at-or-before';
export const originAnnotation = 'plumbline.dev/origin';
export const hashAnnotation = 'plumbline.dev/hash';

/** Annotations that people set on objects. */
export const pruneAnnotation = 'plumbline.dev/prune';
export const ignoreAnnotation = 'plumbline.dev/ignore';
export const forceAnnotation = 'plumbline.dev/force';
export const applyAnnotation = 'plumbline.dev/apply';
export const adoptAnnotation = 'plumbline.dev/adopt';
/** The commit of the application that an image was built from. */
export const appCommitAnnotation = 'plumbline.dev/app-commit';

/** Annotations that people set on a source. */
export const requestedAtAnnotation = 'plumbline.dev/requestedAt';
export const allowPruneAnnotation = 'plumbline.dev/allow-prune';

/** Labels of a record of the audit trail: the source by name and by uid. */
export const sourceLabel = 'plumbline.dev/source';
export const sourceUidLabel = 'plumbline.dev/source-uid';
/** Annotations of a record. When it was first tried tells records of one number apart. */
export const attemptedAnnotation = 'plumbline.dev/attempted';
/** Corrections of drift while the revision ran, by field manager, as JSON. */
export const correctionsAnnotation = 'plumbline.dev/corrections';
/** On the last record of a source: when the source went. */
export const endedAnnotation = 'plumbline.dev/source-ended';

/** What of spec.notify was told about the revision, as JSON. */
export const notifiedAnnotation = 'plumbline.dev/notified';

/** ApplySet (KEP-3659). */
export const partOfLabel = 'applyset.kubernetes.io/part-of';
export const parentIdLabel = 'applyset.kubernetes.io/id';
export const parentTypeLabel = 'applyset.kubernetes.io/is-parent-type';
export const toolingAnnotation = 'applyset.kubernetes.io/tooling';
export const groupKindsAnnotation = 'applyset.kubernetes.io/contains-group-kinds';
export const namespacesAnnotation = 'applyset.kubernetes.io/additional-namespaces';
