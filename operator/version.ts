/** The version of this build. */
import packageJson from '../package.json' with { type: 'json' };

/** `0.1.0`: in metrics, in `--version`, and in the tooling annotation of every ApplySet. */
export const version: string = packageJson.version;
