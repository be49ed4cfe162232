package srtp_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"testing"

	"github.com/switchhook/switchhook/media"
)

// gcm seals a packet under session keys as RFC 7714 says: RTP with a roll-over counter (section 8), or RTCP with an index
// (section 9).
func gcm(t *testing.T, key, salt, packet []byte, counter uint32, control bool) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	iv := make([]byte, 12)
	clear, trailer := 12, []byte(nil)
	if control {
		clear, trailer = 8, binary.BigEndian.AppendUint32(nil, counter|1<<31)
		copy(iv[2:], packet[4:8])
		binary.BigEndian.PutUint32(iv[8:], counter)
	} else {
		copy(iv[2:], packet[8:12])
		binary.BigEndian.PutUint32(iv[6:], counter)
		copy(iv[10:], packet[2:4])
	}
	for i := range iv {
		iv[i] ^= salt[i]
	}
	known := append(bytes.Clone(packet[:clear]), trailer...)
	return append(aead.Seal(bytes.Clone(packet[:clear]), iv, packet[clear:], known), trailer...)
}

// derive gives a session key of a master key and salt (RFC 3711 section 4.3.1; section 11 of RFC 7714: the salt of 96 bits has
// zeros after it).
func derive(t *testing.T, key, salt []byte, label byte, size int) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	iv := make([]byte, 16)
	copy(iv, salt)
	iv[7] ^= label
	out := make([]byte, size)
	cipher.NewCTR(block, iv).XORKeyStream(out, out)
	return out
}

// The packets of RFC 7714 sections 16 and 17 are what they are there under the session keys printed there; and what we seal
// is sealed in just that way, with the session keys of our master key.
func TestC52VectorsOfRFC7714(t *testing.T) {
	rtp := unhex(t, "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573")
	rtcp := unhex(t, "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef")
	all := unhex(t, "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f")
	salt := unhex(t, "517569642070726f2071756f")
	for _, c := range []struct {
		suite   string
		size    int
		rtp     string
		rtcp    string
		counter uint32
	}{
		{"AEAD_AES_128_GCM", 16, "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
			"81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4", 0x5d4},
		{"AEAD_AES_256_GCM", 32, "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
			"81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4", 0x5d4},
	} {
		t.Run(c.suite, func(t *testing.T) {
			key := all[:c.size]
			if got := gcm(t, key, salt, rtp, 0, false); !bytes.Equal(got, unhex(t, c.rtp)) {
				t.Errorf("RTP: %x", got)
			}
			if got := gcm(t, key, salt, rtcp, c.counter, true); !bytes.Equal(got, unhex(t, c.rtcp)) {
				t.Errorf("RTCP: %x", got)
			}
			ours := context(t, media.Crypto{Suite: c.suite, Key: string(key) + string(salt)})
			want := gcm(t, derive(t, key, salt, 0, c.size), derive(t, key, salt, 2, 12), rtp, 0, false)
			if got := seal(t, ours, rtp); !bytes.Equal(got, want) {
				t.Errorf("we seal RTP as %x, want %x", got, want)
			}
			// The first index is either 0 or 1 (RFC 3711 section 3.4 increments it before the packet).
			got, err := ours.SealControl(make([]byte, 0, 200), rtcp)
			if err != nil {
				t.Fatal(err)
			}
			index := binary.BigEndian.Uint32(got[len(got)-4:]) &^ (1 << 31)
			want = gcm(t, derive(t, key, salt, 3, c.size), derive(t, key, salt, 5, 12), rtcp, index, true)
			if !bytes.Equal(got, want) || index > 1 {
				t.Errorf("we seal RTCP as %x, want %x", got, want)
			}
		})
	}
}
