// Log lines as JSON.

package record

// The keys of every JSON line.
const (
	keyLevel     = "@level"
	keyMessage   = "@message"
	keyModule    = "@module"
	keyTimestamp = "@timestamp"
)

var fixedKeys = [...]string{keyLevel, keyMessage, keyModule, keyTimestamp}

// appendJSON writes the keys in the order of hclog, which gives encoding/json
// a map: sorted, and of two equal keys the later one. There are few keys, so
// searching for the next one costs less than sorting them.
func appendJSON(dst []byte, level Level, unixNano int64, offset int32, msg string, kv []KV) []byte {
	open := byte('{')
	for last, next := "", nextKey(kv, "", true); next >= 0; next = nextKey(kv, last, false) {
		dst = append(dst, open)
		open = ','
		last = keyAt(kv, next)
		dst = appendQuoted(dst, last)
		dst = append(dst, ':')
		switch {
		case next >= len(fixedKeys):
			dst = appendValue(dst, &kv[next-len(fixedKeys)])
		case last == keyLevel:
			dst = appendQuoted(dst, levelNames[level].json)
		case last == keyMessage:
			dst = appendQuoted(dst, msg)
		case last == keyModule:
			dst = appendQuoted(dst, Identity)
		case last == keyTimestamp:
			dst = appendTimestamp(dst, unixNano, offset)
		}
	}
	return append(dst, "}\n"...)
}

// nextKey is the index of the smallest key greater than last, or -1 if there
// is none.
func nextKey(kv []KV, last string, first bool) int {
	found := -1
	for i := range len(fixedKeys) + len(kv) {
		key := keyAt(kv, i)
		if (first || key > last) && (found < 0 || key <= keyAt(kv, found)) {
			found = i
		}
	}
	return found
}

func keyAt(kv []KV, i int) string {
	if i < len(fixedKeys) {
		return fixedKeys[i]
	}
	return kv[i-len(fixedKeys)].Key
}

func appendValue(dst []byte, kv *KV) []byte {
	if kv.IsNum {
		return kv.appendNum(dst)
	}
	return appendQuoted(dst, kv.Str)
}

func appendTimestamp(dst []byte, unixNano int64, offset int32) []byte {
	seconds, nano := floorDiv(unixNano, 1e9)
	dst = append(dst, '"')
	dst = civilOf(seconds, offset).append(dst, 'T')
	dst = append(dst, '.')
	dst = appendPadded(dst, nano/1e3, 6)
	dst = appendZone(dst, offset, ":")
	return append(dst, '"')
}
