/** Line charts as SVG: what the figures of the overload benchmark need and no more. Pure: data to text. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  /** What is possible at best: broken and grey, instead of a colour of its own. */
  readonly theory?: boolean;
}

export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
  /** Upper end of the axis. Default: the largest value. */
  readonly top?: number;
  /** Whether points are marked: few measured ones, rather than a course over time. Default: false. */
  readonly marks?: boolean;
}

const COLOURS = [
  "#0b62a4",
  "#d9480f",
  "#e8a33d",
  "#2b8a3e",
  "#9c36b5",
  "#0c8599",
  "#c2255c",
  "#5c940d",
  "#6741d9",
  "#868e96",
];
const THEORY = "#495057";
const WIDTH = 860;
const HEIGHT = 260;
const MARGIN = { left: 56, right: 16, top: 30, bottom: 40 };
const LEGEND_LINE = 18;
const LEGEND_COLUMNS = 4;

/** The charts below one another, with one legend for all: a name has the same colour everywhere. */
export function svg(title: string, charts: readonly Chart[]): string {
  const names = [
    ...new Set(charts.flatMap(({ lines }) => lines.filter((line) => line.theory !== true).map(({ name }) => name))),
  ];
  const colour = (name: string): string => COLOURS[names.indexOf(name) % COLOURS.length]!;
  const theory = charts.some(({ lines }) => lines.some((line) => line.theory === true));
  const entries = [
    ...names.map((name) => ({ name, colour: colour(name) })),
    ...(theory ? [{ name: "best possible", colour: THEORY }] : []),
  ];
  const legendRows = Math.ceil(entries.length / LEGEND_COLUMNS);
  const head = 34 + legendRows * LEGEND_LINE + 6;
  const height = head + charts.length * HEIGHT;
  const legend = entries.map((entry, i) => legendEntry(entry, i));
  const drawn = charts.map((chart, i) => `<g transform="translate(0 ${head + i * HEIGHT})">${draw(chart, colour)}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="16" y="22" font-size="15" font-weight="600">${escape(title)}</text>
${[...legend, ...drawn].join("\n")}
</svg>
`;
}

function legendEntry({ name, colour }: { name: string; colour: string }, index: number): string {
  const x = 16 + (index % LEGEND_COLUMNS) * ((WIDTH - 32) / LEGEND_COLUMNS);
  const y = 40 + Math.floor(index / LEGEND_COLUMNS) * LEGEND_LINE;
  const broken = colour === THEORY ? ' stroke-dasharray="6 4"' : "";
  return `<line x1="${x}" y1="${y}" x2="${x + 22}" y2="${y}" stroke="${colour}" stroke-width="2"${broken}/><text x="${x + 28}" y="${y + 4}">${escape(name)}</text>`;
}

function draw({ title, x, y, lines, top, marks = false }: Chart, colour: (name: string) => string): string {
  const points = lines.flatMap((line) => line.points).filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
  const xTicks = ticks(Math.max(1e-9, ...points.map(([at]) => at)), 8);
  const yTicks = ticks(top ?? Math.max(1e-9, ...points.map(([, value]) => value)), 5);
  const [xEnd, yEnd] = [xTicks.at(-1)!, yTicks.at(-1)!];
  const inner = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const px = (at: number): string => (MARGIN.left + (at / xEnd) * inner.width).toFixed(1);
  const py = (value: number): string => (MARGIN.top + inner.height * (1 - Math.min(value, yEnd) / yEnd)).toFixed(1);
  const bottom = MARGIN.top + inner.height;
  const grid = [
    ...xTicks.map(
      (at) =>
        `<line x1="${px(at)}" y1="${MARGIN.top}" x2="${px(at)}" y2="${bottom}" stroke="#f1f3f5"/><text x="${px(at)}" y="${bottom + 15}" text-anchor="middle" fill="#495057">${at}</text>`,
    ),
    ...yTicks.map(
      (value) =>
        `<line x1="${MARGIN.left}" y1="${py(value)}" x2="${WIDTH - MARGIN.right}" y2="${py(value)}" stroke="#e9ecef"/><text x="${MARGIN.left - 6}" y="${Number(py(value)) + 4}" text-anchor="end" fill="#495057">${value}</text>`,
    ),
  ];
  const paths = lines.map((line) => {
    const stroke = line.theory === true ? `${THEORY}" stroke-dasharray="6 4` : colour(line.name);
    const width = line.theory === true ? 1.5 : 2;
    const dots = marks && line.theory !== true ? dotsOf(line, px, py, colour(line.name)) : "";
    return `<path d="${path(line.points, px, py)}" fill="none" stroke="${stroke}" stroke-width="${width}"/>${dots}`;
  });
  return [
    `<text x="${MARGIN.left}" y="18" font-weight="600">${escape(title)}</text>`,
    ...grid,
    ...paths,
    `<text x="${WIDTH - MARGIN.right}" y="${bottom + 31}" text-anchor="end" fill="#495057">${escape(x)}</text>`,
    `<text x="14" y="${MARGIN.top + inner.height / 2}" text-anchor="middle" fill="#495057" transform="rotate(-90 14 ${MARGIN.top + inner.height / 2})">${escape(y)}</text>`,
  ].join("");
}

type Scale = (value: number) => string;

/** A value that does not exist breaks the line. */
export function path(points: Line["points"], px: Scale, py: Scale): string {
  let pen = "M";
  const steps: string[] = [];
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      pen = "M";
      continue;
    }
    steps.push(`${pen}${px(x)} ${py(y)}`);
    pen = "L";
  }
  return steps.join("");
}

function dotsOf({ points }: Line, px: Scale, py: Scale, fill: string): string {
  const real = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  return real.map(([x, y]) => `<circle cx="${px(x)}" cy="${py(y)}" r="3" fill="${fill}"/>`).join("");
}

/** Round values from 0 to at least `end`, about `count` steps of them. */
export function ticks(end: number, count: number): number[] {
  const rough = end / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((digit) => digit * power).find((each) => each >= rough * 0.999)!;
  const steps = Math.ceil(end / step - 1e-6);
  return Array.from({ length: steps + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign]!);
}
