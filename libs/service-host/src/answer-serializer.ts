import { encodeAnswer, type AnswerPacket } from '@ferry/messaging';
import { NatsRecord, type Serializer } from '@nestjs/microservices';

/** Answers as the message bus takes them: what Nest sends as it is would, where it is too large, end the process. */
export class AnswerSerializer implements Serializer<AnswerPacket, NatsRecord> {
  serialize(packet: AnswerPacket): NatsRecord {
    return new NatsRecord(encodeAnswer(packet));
  }
}
