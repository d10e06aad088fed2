/** A data folder that another process holds, that is damaged, or that cannot be written. */
export class DataFolderError extends Error {}
