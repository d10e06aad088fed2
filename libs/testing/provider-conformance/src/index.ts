import { abilitiesSuite } from './abilities-suite';
import { capabilitiesSuite } from './capabilities-suite';
import { downloadSuite } from './download-suite';
import { Rig } from './rig';
import type { ConformanceSubject } from './subject';
import { uploadSuite } from './upload-suite';

export { Rig } from './rig';
export type { ConformanceDownload, ConformanceSubject, ConformanceUpload, Seeded } from './subject';

/**
 * Everything that is true of each adapter, against the simulator of its vendor. `more` adds what is true of this one.
 */
export const describeProviderConformance = (subject: ConformanceSubject, more?: (rig: () => Rig) => void): void => {
  describe(`${subject.providerId} conforms`, () => {
    let started: Rig;
    const rig = (): Rig => started;
    beforeAll(async () => {
      started = await Rig.start(subject);
    });
    beforeEach(() => started.reset());
    afterAll(() => started.stop());

    capabilitiesSuite(subject, rig);
    uploadSuite(subject, rig);
    downloadSuite(subject, rig);
    abilitiesSuite(subject, rig);
    if (more) describe('own ways', () => more(rig));
  });
};
