import { IsInt, Max, Min } from 'class-validator';

export class AnswersConfig {
  /** Routes, and as many assets, that one process remembers to answer without asking the event store. About 650 bytes for a route and its asset as they fill. */
  @IsInt() @Min(1) @Max(20_000_000) TRANSFER_MEMORY_ROUTES = 1_000_000;
  /** Uploads of one route in an hour that may follow from reports that the provider refused its reference. Beyond: `TOO_MANY_REPORTS`. */
  @IsInt() @Min(0) @Max(99) TRANSFER_REPORTS_PER_HOUR = 3;
  /** Milliseconds between two writes of which references were used. */
  @IsInt() @Min(100) @Max(600_000) TRANSFER_USAGE_MS = 60_000;
}
