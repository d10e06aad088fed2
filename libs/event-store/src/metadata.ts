import type { EventMetadata } from '@ferry/kernel';
import { currentContext } from '@ferry/observability';

/** Metadata of the events that a command causes, in the story that the process works on now. */
export const metadataFor = ({ owner, actor, commandId }: Pick<EventMetadata, 'owner' | 'actor' | 'commandId'>): EventMetadata => {
  const { correlationId, causationId, traceparent } = currentContext();
  const story = { $correlationId: correlationId, $causationId: causationId ?? commandId };
  return { ...story, commandId, actor, owner, ...(traceparent ? { traceparent } : {}) };
};
