const perCandidate = 1200; // ms
const maxZoom = 64;

// View is a viewer: panels that are moved together, and what they are moved and colored with.
class View {
	constructor(host, data) {
		this.data = data;
		this.planes = new Planes(data);
		this.world = data.world && new World(data.world);
		this.maps = Object.fromEntries(Object.entries(data.maps).map(([k, v]) => [k, bytes(v)]));
		this.root = host.attachShadow({ mode: "open" });
		this.root.innerHTML = data.page;
		const title = this.element("h3");
		title.textContent = data.title;
		this.element(".viewer").setAttribute("aria-label", `Viewer of ${data.title || "candidates"}`);
		this.area = this.element(".panels");
		this.panels = data.panels.map((spec) => new Panel(this, spec));
		this.area.append(...this.panels.map((p) => p.figure));
		this.candidate = 0; // and a part, on the way to the next
		this.hatched = true;
		this.whole();
		this.controls();
		this.moving();
		new ResizeObserver(() => this.arrange()).observe(host);
		this.choose(0);
	}

	element(selector) {
		return this.root.querySelector(selector);
	}

	// whole shows the whole images.
	whole() {
		this.look(this.data.width / 2, this.data.height / 2, 1);
	}

	// arrange lets the panels have two or three columns.
	arrange() {
		const columns = this.area.clientWidth < 480 ? 2 : 3;
		this.area.style.setProperty("--columns", columns);
		this.show();
	}

	// show draws all panels, once for a frame of the screen.
	show() {
		this.waiting ??= requestAnimationFrame(() => {
			this.waiting = undefined;
			this.panels.forEach((p) => p.draw());
			this.read();
		});
	}

	// paint colors all panels anew, or those alone that change with the candidate.
	paint(changing) {
		const i = Math.floor(this.candidate), t = this.candidate - i;
		for (const panel of this.panels) {
			const { planes, mean } = panel.spec;
			if (planes.length === 1) {
				if (!changing) {
					panel.paint(this.planes.at(planes[0]));
				}
			} else if (t === 0) {
				panel.paint(this.planes.at(planes[i]));
			} else {
				panel.paint(this.planes.between(planes[i], planes[(i + 1) % planes.length], mean, t,
					this.data.drawn));
			}
		}
		this.show();
	}

	// coloring returns what colors the values of a kind of panel.
	coloring(kind) {
		const maps = this.maps;
		const look = (map, t, image, k) => {
			const at = 3 * Math.round(255 * Math.min(Math.max(t, 0), 1));
			for (let c = 0; c < 3; c++) {
				image[k + c] = map[at + c];
			}
		};
		const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
		if (kind === "residual") {
			return (image, k, ...v) => look(maps.diverging, 0.5 + mean(v) / this.residual / 2, image, k);
		}
		if (kind === "deviation") {
			return (image, k, ...v) => look(maps["black body"], mean(v) / this.deviation, image, k);
		}
		const level = this.level();
		if (this.data.channels === 1) {
			const inverted = this.map.endsWith(" inverted");
			const map = maps[this.map.replace(" inverted", "")];
			return (image, k, v) => look(map, inverted ? 1 - level(v) : level(v), image, k);
		}
		return (image, k, ...v) => { // the hue is kept
			const m = mean(v), factor = m > 0 ? level(m) / m : 0;
			const top = Math.max(1, ...v.map((c) => factor * c));
			v.forEach((c, n) => { image[k + n] = 255 * Math.max(factor * c / top, 0); });
		};
	}

	// level returns the stretch: the brightness of a value, from 0 to 1.
	level() {
		const { low, high } = this;
		const cut = (t) => Math.min(Math.max(t, 0), 1);
		const linear = (v) => cut((v - low) / (high - low));
		if (this.stretch === "linear") {
			return linear;
		}
		if (this.stretch === "log") {
			return (v) => Math.log1p(1000 * linear(v)) / Math.log1p(1000);
		}
		const soft = this.data.stretch.Softening || (high - low) / 30;
		const bottom = Math.asinh(low / soft), range = Math.asinh(high / soft) - bottom;
		return (v) => cut((Math.asinh(v / soft) - bottom) / range);
	}

	// choose shows a candidate.
	choose(k) {
		const n = this.data.shown;
		this.candidate = ((k % n) + n) % n;
		const whole = Number.isInteger(this.candidate);
		const number = Math.floor(this.candidate) + 1;
		const text = whole ? `candidate ${number}` : "in motion";
		this.element(".chosen").textContent = whole ? `candidate ${number} of ${n}`
			: `candidate ${number} to ${number % n + 1}`;
		this.element("[name=candidate]").value = number;
		for (const panel of this.panels.filter((p) => p.spec.planes.length > 1)) {
			panel.label(panel.spec.kind === "residual" ? `residual, ${text}` : text);
		}
		this.paint(true);
	}

	// play walks through the candidates, or stops at the nearest.
	play(on = !this.playing) {
		const button = this.element("[name=play]");
		button.textContent = on ? "❚❚" : "▶";
		button.setAttribute("aria-label", on ? "pause" : "play");
		if (!on) {
			this.playing = false;
			this.choose(Math.round(this.candidate));
			return;
		}
		const steps = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
		const start = performance.now() - perCandidate * this.candidate;
		const run = this.playing = (now) => {
			if (this.playing !== run) {
				return;
			}
			const at = Math.max(now - start, 0) / perCandidate;
			const next = steps || this.data.drawn < 3 ? Math.floor(at) : at;
			if (next % this.data.shown !== this.candidate) {
				this.choose(next);
			}
			requestAnimationFrame(run);
		};
		requestAnimationFrame(run);
	}

	// read shows where the cursor is and what the pixel is worth.
	read() {
		const values = this.panels.map((p) => p.read()).filter(Boolean);
		const place = this.element(".place");
		if (!this.cursor) {
			place.textContent = "";
			return;
		}
		const { x, y } = this.cursor;
		const sky = this.world ? ` · ${this.world.text(x, y)}` : "";
		place.textContent = `column ${x}, row ${y}${sky}`;
		this.spoken = `${place.textContent}: ${values.join("; ")}`;
	}

	// controls connects the controls with what they set.
	controls() {
		const { stretch, deviation, residual, channels, shown, masks } = this.data;
		const set = (name, take) => {
			const control = this.element(`[name=${name}]`);
			control?.addEventListener("input", () => take(control));
			return control;
		};
		this.numbers = {};
		const limit = (name, value, valid) => {
			const control = set(name, () => {
				const v = Number(control.value.replaceAll("−", "-"));
				const good = control.value.trim() !== "" && Number.isFinite(v) && valid(v);
				control.setAttribute("aria-invalid", !good);
				if (good) {
					this[name] = v;
					this.paint();
				}
			});
			this.numbers[name] = () => {
				this[name] = value;
				control.value = number(value, 3);
				control.setAttribute("aria-invalid", false);
			};
			this.numbers[name]();
		};
		limit("low", stretch.Low, (v) => v < this.high);
		limit("high", stretch.High, (v) => v > this.low);
		limit("deviation", deviation, (v) => v > 0);
		limit("residual", residual, (v) => v > 0);
		this.stretch = stretch.Softening > 0 ? "asinh" : "linear";
		this.map = "gray";
		set("stretch", (c) => { this.stretch = c.value; this.paint(); }).value = this.stretch;
		const map = set("map", (c) => { this.map = c.value; this.paint(); });
		map.parentElement.style.display = channels === 1 ? "" : "none";
		const mask = set("mask", (c) => { this.hatched = c.checked; this.show(); });
		mask.parentElement.style.display = masks.length ? "" : "none";
		const slider = set("candidate", (c) => {
			const chosen = c.value - 1; // what stops sets it
			this.play(false);
			this.choose(chosen);
		});
		slider.max = shown;
		this.element(".scrub").style.display = shown > 1 ? "" : "none";
		this.element("[name=deviation]").parentElement.style.display = deviation ? "" : "none";
		this.element("[name=play]").addEventListener("click", () => this.play());
		this.element("[name=all]").addEventListener("click", () => {
			Object.values(this.numbers).forEach((reset) => reset());
			this.whole();
			this.paint();
		});
		this.paint();
	}
}
