package table

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// The blanks that numbers are padded with are as wide as a digit and as a point, so that a page
// aligns them without a style sheet.
const (
	figureSpace = "\u2007"
	pointSpace  = "\u2008"
)

var digits = regexp.MustCompile(`[−+]?\d+(\.\d+)?`)

// written returns the texts of a column's cells, with the marks of those that have one. Numbers
// that are written alike, such as all with an interval, get blanks that align them by their decimal
// points.
func (t Table) written(column int) []string {
	texts := make([]string, len(t.Rows))
	write := func(apart bool) (uneven bool) {
		for i := range t.Rows {
			c := t.cell(i, column)
			texts[i] = c.text(t.Columns[column].Format, apart)
			uneven = uneven || c.kind == measured && !strings.Contains(texts[i], "±")
		}
		return uneven
	}
	if write(false) {
		write(true)
	}
	if a := t.Columns[column].Align; a == Auto || a == Right {
		alignNumbers(texts, func(i int) bool { return t.cell(i, column).isNumber() })
	}
	marked := false
	for i := range t.Rows {
		marked = marked || t.cell(i, column).mark != Plain
	}
	for i := range t.Rows {
		switch mark := t.cell(i, column).mark; {
		case mark != Plain:
			texts[i] += " " + mark.sign()
		case marked && t.align(column) == Right:
			texts[i] += figureSpace + figureSpace
		}
	}
	return texts
}

// alignNumbers pads the texts of numbers. Of those whose parts between the numbers are the same the
// first numbers are aligned by their points, and further ones, such as errors, end beneath each
// other.
func alignNumbers(texts []string, isNumber func(i int) bool) {
	alike := map[string][]int{}
	for i, s := range texts {
		if isNumber(i) {
			shape := digits.ReplaceAllString(s, "#")
			alike[shape] = append(alike[shape], i)
		}
	}
	for _, rows := range alike {
		var before, after []int // the point, of each number in the text
		for _, i := range rows {
			for k, n := range digits.FindAllString(texts[i], -1) {
				whole, fraction := split(n)
				if k > 0 {
					whole, fraction = runes(n), 0
				}
				if k == len(before) {
					before, after = append(before, 0), append(after, 0)
				}
				before[k], after[k] = max(before[k], whole), max(after[k], fraction)
			}
		}
		for _, i := range rows {
			k := -1
			texts[i] = digits.ReplaceAllStringFunc(texts[i], func(n string) string {
				k++
				whole, fraction := split(n)
				if k > 0 {
					return strings.Repeat(figureSpace, before[k]-runes(n)) + n
				}
				tail := strings.Repeat(figureSpace, after[k]-fraction)
				if fraction == 0 && after[k] > 0 {
					tail = pointSpace + tail
				}
				return strings.Repeat(figureSpace, before[k]-whole) + n + tail
			})
		}
	}
}

// split returns how many characters a number has before its point and after it.
func split(n string) (whole, fraction int) {
	a, b, _ := strings.Cut(n, ".")
	return utf8.RuneCountInString(a), len(b)
}
