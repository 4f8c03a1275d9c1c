package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/// A device that is unknown or does not exist ends a command before a checkpoint is read.
class DeviceOptionTest {

    @Test
    void anUnknownSpellingNamesTheNearest() {
        Ran ran = Ran.bowline("generate", "no-checkpoint", "--device", "cud", "--prompt", "hi");

        assertNotEquals(0, ran.exitCode());
        assertTrue(ran.err().contains("device 'cud' is unknown (nearest: 'cuda'"), ran.err());
    }

    @Test
    void aGpuThatDoesNotExistIsRefusedWithAFix() {
        Ran ran = Ran.bowline("generate", "no-checkpoint", "--device", "cuda:99", "--prompt", "hi");

        assertNotEquals(0, ran.exitCode());
        assertTrue(ran.err().contains("device cuda:99 "), ran.err());
        assertTrue(ran.err().contains("fix: "), ran.err());
    }
}
