/** What is wrong with this Node version and what to do about it; undefined where it is new enough. */
export declare function nodeProblem(version: string): string | undefined;
