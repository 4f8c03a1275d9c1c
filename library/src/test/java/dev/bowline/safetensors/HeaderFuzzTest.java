package dev.bowline.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whatever bytes a file has, it opens whole or is refused in words; no other failure comes out.
class HeaderFuzzTest {

    private static final int ROUNDS = 5_000;
    private static final String HEADER = "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"embed\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[0,12]},"
            + "\"norm\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]},"
            + "\"none\":{\"dtype\":\"I64\",\"shape\":[0,9],\"data_offsets\":[20,20]}}  ";
    private static final List<String> PIECES = List.of(
            "-1",
            "0",
            "9223372036854775807",
            "18446744073709551616",
            "1e3",
            "1.5",
            "NaN",
            "null",
            "true",
            "{}",
            "[]",
            "[[",
            "\"",
            "\\",
            "\\ud800",
            "\u0000",
            "\ufeff",
            "\"embed\":",
            "\"dtype\":\"F64\"",
            ",",
            "}",
            "]",
            "é");

    @TempDir
    Path directory;

    @Test
    void aMutatedHeaderOpensWholeOrIsRefused() throws IOException {
        Random random = new Random(20260902);
        byte[] seed = HandBuilt.bytes(HEADER, new byte[20]);
        Path path = directory.resolve("model.safetensors");
        int opened = 0;
        for (int round = 0; round < ROUNDS; round++) {
            byte[] mutant = mutate(seed, random);
            Files.write(path, mutant);
            try {
                SafetensorsHeader header = SafetensorsFile.readHeader(path);
                requireAccountedFor(header, mutant.length);
                opened++;
            } catch (BowlineException refused) {
                assertTrue(refused.problem().contains("model.safetensors"), refused.problem());
            } catch (RuntimeException | StackOverflowError wrong) {
                throw new AssertionError("round " + round + ": " + escaped(mutant), wrong);
            }
        }
        assertTrue(opened > 0 && opened < ROUNDS / 2, "opened " + opened);
    }

    private static void requireAccountedFor(SafetensorsHeader header, int fileBytes) {
        long position = 0;
        for (TensorEntry entry : header.entries().values()) {
            assertEquals(position, entry.begin());
            assertEquals(entry.bytes(), entry.elements() * entry.type().bytes());
            position = entry.end();
        }
        assertEquals(fileBytes, header.dataStart() + position);
        assertEquals(fileBytes, header.fileBytes());
    }

    private static byte[] mutate(byte[] seed, Random random) {
        byte[] mutant = seed.clone();
        int changes = 1 + random.nextInt(3);
        for (int i = 0; i < changes; i++) {
            mutant = switch (random.nextInt(6)) {
                case 0 -> flipped(mutant, random);
                case 1 -> Arrays.copyOf(mutant, random.nextInt(mutant.length + 1));
                case 2 -> Arrays.copyOf(mutant, mutant.length + 1 + random.nextInt(9));
                case 3 -> replaced(mutant, random, digitAt(mutant, random), 1);
                case 4 -> replaced(mutant, random, 8 + random.nextInt(HEADER.length()), random.nextInt(4));
                default -> swapped(mutant, random);
            };
        }
        return random.nextInt(4) == 0 ? mutant : withHonestLength(mutant, seed.length);
    }

    /// Most mutants claim the header length they have, so that the checks behind the first one are reached.
    private static byte[] withHonestLength(byte[] mutant, int seedLength) {
        int header = HEADER.length() + mutant.length - seedLength;
        if (mutant.length < 8 || header < 0) {
            return mutant;
        }
        byte[] honest = mutant.clone();
        for (int i = 0; i < 8; i++) {
            honest[i] = (byte) ((long) header >>> (8 * i));
        }
        return honest;
    }

    private static byte[] flipped(byte[] bytes, Random random) {
        if (bytes.length > 0) {
            bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        }
        return bytes;
    }

    private static byte[] swapped(byte[] bytes, Random random) {
        if (bytes.length > 0) {
            int left = random.nextInt(bytes.length);
            int right = random.nextInt(bytes.length);
            byte kept = bytes[left];
            bytes[left] = bytes[right];
            bytes[right] = kept;
        }
        return bytes;
    }

    private static int digitAt(byte[] bytes, Random random) {
        for (int tries = 0; tries < 100 && bytes.length > 0; tries++) {
            int place = random.nextInt(bytes.length);
            if (Character.isDigit(bytes[place])) {
                return place;
            }
        }
        return 0;
    }

    private static byte[] replaced(byte[] bytes, Random random, int place, int length) {
        int start = Math.min(place, bytes.length);
        int end = Math.min(start + length, bytes.length);
        byte[] piece = PIECES.get(random.nextInt(PIECES.size())).getBytes(StandardCharsets.UTF_8);
        byte[] changed = Arrays.copyOf(bytes, bytes.length - (end - start) + piece.length);
        System.arraycopy(piece, 0, changed, start, piece.length);
        System.arraycopy(bytes, end, changed, start + piece.length, bytes.length - end);
        return changed;
    }

    private static String escaped(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1).replaceAll("[^ -~]", "?");
    }
}
