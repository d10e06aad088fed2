/** Builds dist/ unless it is already made from exactly these sources. Safe to call from several processes at once. */
export declare function ensureBuilt(): void;
