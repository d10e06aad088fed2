/** How urgent a run is, the least urgent first. */
export const PRIORITIES = ['warm', 'capture', 'evacuate', 'refresh', 'resolve'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** From 0; a higher rank goes first. */
export const priorityRank = (priority: Priority): number => PRIORITIES.indexOf(priority);
