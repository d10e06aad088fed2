import { tempDir, type TempDir } from '@ferry/testing/specs';
import { DataFolder } from './data-folder';
import { choosePorts } from './ports';
import { planServers } from './servers';
import { planServices, SERVICE_NAMES } from './services';
import { planSimulator } from './simulator';

let temporary: TempDir;
let folder: DataFolder;
beforeAll(async () => {
  temporary = await tempDir('ferry-services-');
  folder = await DataFolder.open(temporary.path);
});
afterAll(async () => {
  folder.close();
  await temporary.remove();
});

describe('the environment of each process', () => {
  it("has a vendor's keys where its adapter runs, and nowhere else", async () => {
    const env = { PIXVERSE_ACCOUNTS: 'keys of PixVerse', SORA_ACCOUNTS_FILE: 'keys of Sora', FERRY_EMBEDDED: 'nats,eventstore,mongodb' };
    const setting = { folder, ports: await choosePorts(temporary.path, {}), env };
    const servers = planServers(setting);
    const services = planServices(SERVICE_NAMES, setting, { servers: servers.urls, key: folder.developmentKey(), cacheUrlSecret: 'secret' });
    const processes = [...servers.processes, planSimulator(setting), ...services];
    const holding = (text: string) => processes.filter((process) => Object.values(process.env).includes(text)).map(({ name }) => name);
    expect(processes).toHaveLength(11);
    expect([holding('keys of PixVerse'), holding('keys of Sora')]).toEqual([['provider-pixverse'], ['provider-sora']]);
  });
});
