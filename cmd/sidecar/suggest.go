package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// serviceLink matches the variables that Kubernetes sets in every pod of a namespace that has a
// Service named sidecar: they are not meant for us.
var serviceLink = regexp.MustCompile(`^SIDECAR_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$`)

func unknown(path, place string, table map[string]key) problem {
	return problem{path: shown(path), text: "unknown key" + didYouMean(nearest(path, table)), place: place}
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return "; `sidecar config example` prints all of them"
	}
	return ", did you mean " + oneOf(names) + "?"
}

// nearest finds the known name that a mistyped one may stand for; failing that, up to three that end
// in the same word.
func nearest(name string, known map[string]key) []string {
	best, least := "", max(2, len(name)/4)+1
	var alike []string
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if len(name) <= 200 {
			if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least {
				best, least = k, d
			}
		}
		if lastWord(k) == lastWord(name) {
			alike = append(alike, k)
		}
	}
	switch {
	case best != "" && (least <= 2 || len(alike) == 0):
		return []string{best}
	case len(alike) > 0:
		return alike[:min(3, len(alike))]
	}
	return nil
}

func lastWord(path string) string {
	return path[strings.LastIndexByte(path, '.')+1:]
}

// distance is the number of bytes to insert, delete, change or swap with a neighbour (optimal string
// alignment) to get from a to b.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
