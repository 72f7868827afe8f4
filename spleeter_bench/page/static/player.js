// Loads excerpts and plays several of them in step: one play head, switching without a gap.
"use strict";

// Excerpts are scripts, not files to fetch: a page opened from disk may not fetch.
(() => {
  const KEPT = 4;
  const waiting = new Map();
  const loaded = new Map();

  Report.clipLoaded = (clip) => waiting.get(clip.id)?.(clip);

  Report.loadClip = (id) => {
    if (!loaded.has(id)) {
      loaded.set(id, new Promise((resolve, reject) => {
        const script = Report.element("script", { src: `clips/${id}.js` });
        waiting.set(id, resolve);
        script.addEventListener("error", () => { loaded.delete(id); reject(new Error(`clips/${id}.js is missing`)); });
        script.addEventListener("load", () => { script.remove(); waiting.delete(id); });
        document.head.append(script);
      }));
      // a decoded excerpt is large; the oldest ones are loaded again when they are wanted again
      for (const old of [...loaded.keys()].slice(0, -KEPT)) loaded.delete(old);
    }
    return loaded.get(id);
  };

  // mp3 decoders differ in whether they drop the encoder's delay; all excerpts get exactly the same samples.
  const LAME_DELAY = 1105;
  const decodeOne = async (clip, text) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const offline = new OfflineAudioContext(2, 1, clip.rate);
    const decoded = await offline.decodeAudioData(bytes.buffer);
    const from = Math.min(LAME_DELAY, Math.max(0, decoded.length - clip.samples));
    const buffer = offline.createBuffer(2, clip.samples, clip.rate);
    for (let channel = 0; channel < 2; channel++) {
      const samples = decoded.getChannelData(Math.min(channel, decoded.numberOfChannels - 1));
      buffer.copyToChannel(samples.subarray(from, from + clip.samples), channel);
    }
    return buffer;
  };

  // One AudioBuffer per entry of clip.audio, all of one length.
  Report.decode = (clip) => (clip.decoded ??= Promise.all(clip.audio.map((text) => decodeOne(clip, text))));

  // The hidden anchor: the reference without its treble.
  Report.anchor = async (clip, reference) => {
    const offline = new OfflineAudioContext(2, clip.samples, clip.rate);
    const source = new AudioBufferSourceNode(offline, { buffer: reference });
    const filter = new IIRFilterNode(offline, { feedforward: clip.anchor.b, feedback: clip.anchor.a });
    source.connect(filter).connect(offline.destination);
    source.start();
    return offline.startRendering();
  };
})();

// Voices are {buffer, gain}; all of them always run, and which are heard is a matter of gains.
Report.Player = class {
  #context = null;
  #voices = [];
  #levels = [];
  #sources = [];
  #gains = [];
  #startedAt = 0;
  #offset = 0;
  #region = null;
  #playing = false;
  #fade = 0.005;

  constructor(changed = () => {}) {
    this.changed = changed;
  }

  get playing() { return this.#playing; }
  get region() { return this.#region; }
  get duration() { return this.#voices[0]?.buffer.duration ?? 0; }

  // Seconds into the excerpt.
  get position() {
    if (!this.#playing) return this.#offset;
    const at = this.#offset + Math.max(0, this.#context.currentTime - this.#startedAt);
    if (!this.#region || at < this.#region[1]) return Math.min(at, this.duration);
    const [from, to] = this.#region;
    return from + ((at - from) % (to - from));
  }

  // Keeps playing where it was if the new voices are as long as the old ones.
  setVoices(voices) {
    const again = this.#playing;
    this.pause();
    if (voices[0]?.buffer.duration !== this.duration) { this.#offset = 0; this.#region = null; }
    this.#voices = voices;
    this.#levels = voices.map(() => 0);
    if (again) this.play();
  }

  // How loud each voice is heard, 0 to 1, beside its own gain.
  setLevels(levels) {
    this.#levels = levels;
    this.#gains.forEach((gain, place) => gain.gain.setTargetAtTime(levels[place] * this.#voices[place].gain, this.#context.currentTime, this.#fade));
  }

  play() {
    if (this.#playing || !this.#voices.length) return;
    this.#context ??= new AudioContext();
    this.#context.resume();
    if (this.#offset >= this.duration - 0.01) this.#offset = this.#region?.[0] ?? 0;
    if (this.#region && (this.#offset < this.#region[0] || this.#offset >= this.#region[1])) this.#offset = this.#region[0];
    this.#startedAt = this.#context.currentTime + 0.03;
    this.#voices.forEach((voice, place) => {
      const gain = new GainNode(this.#context, { gain: this.#levels[place] * voice.gain });
      const source = new AudioBufferSourceNode(this.#context, { buffer: voice.buffer });
      if (this.#region) [source.loop, source.loopStart, source.loopEnd] = [true, ...this.#region];
      source.connect(gain).connect(this.#context.destination);
      source.start(this.#startedAt, this.#offset);
      this.#gains.push(gain);
      this.#sources.push(source);
    });
    this.#sources[0].onended = () => this.#ended();
    this.#playing = true;
    this.changed();
  }

  pause() {
    if (!this.#playing) return;
    this.#offset = this.position;
    this.#stop();
    this.changed();
  }

  toggle() { this.#playing ? this.pause() : this.play(); }

  seek(seconds) {
    this.#restart(() => { this.#offset = Math.max(0, Math.min(seconds, this.duration)); });
  }

  // [from, to] in seconds, or null for all of it, once.
  setRegion(region) {
    this.#restart(() => {
      this.#region = region;
      if (region) this.#offset = region[0];
    });
  }

  #restart(change) {
    const again = this.#playing;
    if (again) { this.#offset = this.position; this.#stop(); }
    change();
    if (again) this.play();
    this.changed();
  }

  #ended() {
    this.#stop();
    this.#offset = 0;
    this.changed();
  }

  #stop() {
    const end = this.#context.currentTime;
    const [gains, sources] = [this.#gains, this.#sources];
    for (const source of sources) source.onended = null;
    for (const gain of gains) gain.gain.setTargetAtTime(0, end, this.#fade);
    for (const source of sources) source.stop(end + 8 * this.#fade);
    this.#gains = [];
    this.#sources = [];
    this.#playing = false;
  }
};
