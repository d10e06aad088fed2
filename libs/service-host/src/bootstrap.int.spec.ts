import { Messaging } from '@ferry/messaging';
import { createLogger } from '@ferry/observability';
import { natsServer, type TestServer } from '@ferry/testing/servers';
import { Controller, Module, type INestApplication } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { IsInt, Min } from 'class-validator';
import { bootstrapService } from './bootstrap';

class Letters {
  @IsInt() @Min(0) count!: number;
}

@Controller()
class LettersController {
  @MessagePattern('spec.letters')
  letters(@Payload() { count }: Letters): { letters: string } {
    return { letters: 'a'.repeat(count) };
  }
}

@Module({ controllers: [LettersController] })
class LettersModule {}

describe('a service', () => {
  let server: TestServer;
  let app: INestApplication;
  let messaging: Messaging;

  beforeAll(async () => {
    server = await natsServer();
    process.env['NATS_URL'] = server.url;
    app = await bootstrapService(LettersModule, { name: 'letters' });
    messaging = await Messaging.connect({ url: server.url, name: 'spec', logger: createLogger('spec') });
  });
  afterAll(async () => {
    await messaging?.close();
    await app?.close();
    await server?.stop();
  });

  const ask = (count: number) => messaging.request<{ letters: string }>('spec.letters', { count }, { timeoutMs: 3_000 });

  it('answers, and refuses what is not valid', async () => {
    expect(await ask(3)).toEqual({ letters: 'aaa' });
    await expect(ask(-1)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('says that an answer is larger than a message may be, and lives on', async () => {
    expect((await ask(990_000)).letters).toHaveLength(990_000);
    await expect(ask(1_100_000)).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE', category: 'unprocessable' });
    expect(await ask(1)).toEqual({ letters: 'a' });
  });
});
