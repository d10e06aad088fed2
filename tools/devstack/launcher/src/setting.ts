import type { DataFolder } from './data-folder';
import type { Ports } from './ports';

/** What every process of one running system is described with. */
export interface Setting {
  readonly folder: DataFolder;
  readonly ports: Ports;
  /** The launcher's own environment, with what the caller added. */
  readonly env: NodeJS.ProcessEnv;
}
