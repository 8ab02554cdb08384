import type { Organization } from "../organization.ts";
import { edit, ghostComment, ghostPost, removeComment, removePost } from "./changing.ts";
import { comment, importedPost, lateFile, newVersion, post } from "./posting.ts";
import { like, unlike, vote } from "./reacting.ts";
import { join, joinSomeone, leave, message, removeMessage } from "./talking.ts";
import { settle, type World } from "./world.ts";

const ANYTIME: ((world: World) => void)[] = [
  post,
  post,
  post,
  comment,
  comment,
  comment,
  edit,
  edit,
  edit,
  like,
  like,
  vote,
  message,
  message,
  newVersion,
  removePost,
  removeComment,
  unlike,
  removeMessage,
  joinSomeone,
  leave,
];
const BETWEEN_READS: ((world: World) => void)[] = [ghostPost, ghostComment, importedPost, lateFile];

/** Makes things happen in an organization, and writes each into its ground truth. */
export interface Activity {
  /** One thing that people do at any time. */
  happen(): void;
  /** One thing of which nothing would ever tell if it happened during a read. */
  happenBetweenReads(): void;
  /** From now on only reading takes place. */
  rest(): void;
  /** What is visible now will have been captured when this read ends, and with `swept` its reactions too. */
  readBegins(): { ends(swept: boolean): void };
}

export function createActivity(organization: Organization): Activity {
  const { random } = organization;
  const world = settle(organization);
  for (const group of world.groups)
    for (const user of world.users.slice(0, random.between(2, 5))) join(world, group, user);
  let isAwake = true;
  return {
    happen() {
      if (isAwake) random.pick(ANYTIME)(world);
    },
    happenBetweenReads: () => random.pick(BETWEEN_READS)(world),
    rest() {
      isAwake = false;
    },
    readBegins() {
      const beganAt = organization.now().getTime();
      return {
        ends(swept) {
          world.archivedAt = beganAt;
          if (swept) world.sweptAt = beganAt;
        },
      };
    },
  };
}
