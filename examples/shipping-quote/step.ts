// What it costs to send an order, by the carriers that can: classes, enums and a namespace, as in any TypeScript.

import { defineStep } from "@lockstep/step";

enum Zone {
  Domestic = "domestic",
  Europe = "europe",
  World = "world",
}

enum Speed {
  Express,
  Standard,
}

interface Item {
  name: string;
  grams: number;
  count: number;
}

interface Order {
  country: string;
  items: Item[];
}

interface Quote {
  carrier: string;
  speed: string;
  zone: Zone;
  /** In cents. */
  price: number;
}

namespace Countries {
  const EUROPE = new Set(["AT", "BE", "FR", "IT", "NL", "PL"]);

  export function zoneOf(country: string): Zone {
    if (country === "DE") return Zone.Domestic;
    return EUROPE.has(country) ? Zone.Europe : Zone.World;
  }
}

abstract class Carrier {
  constructor(
    readonly name: string,
    protected readonly speed: Speed,
    private readonly maxGrams: number,
  ) {}

  quote(grams: number, zone: Zone): Quote | undefined {
    const price = grams <= this.maxGrams ? this.price(grams, zone) : undefined;
    return price === undefined ? undefined : { carrier: this.name, speed: Speed[this.speed], zone, price };
  }

  /** In cents; undefined where it does not deliver. */
  protected abstract price(grams: number, zone: Zone): number | undefined;
}

class Post extends Carrier {
  static readonly #base: Record<Zone, number> = { [Zone.Domestic]: 499, [Zone.Europe]: 1399, [Zone.World]: 2849 };

  protected override price(grams: number, zone: Zone): number {
    const started = Math.ceil(grams / 1000);
    return Post.#base[zone] + 120 * (started - 1);
  }
}

class Courier extends Carrier {
  protected override price(grams: number, zone: Zone): number | undefined {
    return zone === Zone.World ? undefined : Math.round(1900 + grams * 0.35);
  }
}

const CARRIERS: readonly Carrier[] = [new Post("post", Speed.Standard, 31_500), new Courier("courier", Speed.Express, 20_000)];

function weigh(items: readonly Item[]): number {
  return items.reduce((sum, { grams, count }) => sum + grams * count, 0);
}

export default defineStep<Order, { grams: number; quotes: Quote[]; cheapest: string }>(({ country, items }) => {
  const [grams, zone] = [weigh(items), Countries.zoneOf(country)];
  const quotes = CARRIERS.map((carrier) => carrier.quote(grams, zone)).filter((quote) => quote !== undefined);
  const cheapest = quotes.toSorted((left, right) => left.price - right.price)[0];
  if (cheapest === undefined) throw new RangeError(`nobody takes ${grams} g to ${country}`);
  console.table(quotes, ["carrier", "price"]);
  return { grams, quotes, cheapest: cheapest.carrier };
});
