import { toPosition, type DomainEvent, type EventMetadata, type RecordedEvent } from '@ferry/kernel';
import type { AllStreamResolvedEvent, ResolvedEvent } from '@eventstore/db-client';

const NO_METADATA: EventMetadata = { $correlationId: '', $causationId: '', commandId: '', actor: '', owner: '' };

/** Undefined for a link whose target is gone, and for what is not JSON: no event of Ferry is either. */
export const toRecorded = <E extends DomainEvent>(resolved: ResolvedEvent | AllStreamResolvedEvent): RecordedEvent<E> | undefined => {
  const event = resolved.event;
  if (!event?.isJson) return undefined;
  return {
    id: event.id,
    streamName: event.streamId,
    revision: Number(event.revision),
    position: toPosition(event.position?.commit ?? resolved.commitPosition ?? 0n),
    created: new Date(event.created).toISOString(),
    type: event.type,
    data: event.data as E['data'],
    metadata: { ...NO_METADATA, ...(event.metadata as Partial<EventMetadata> | undefined) },
  };
};
