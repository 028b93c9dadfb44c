// Package catalogue goes from a catalogue to a catalogue: for each object of a table it cuts a
// stamp from images, has candidates drawn of it, measures them, and writes a table with error bars.
package catalogue
