package dev.bowline.platform;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/// What the process has loaded is found, whatever else happens to the thread that asks.
@EnabledOnOs(value = OS.LINUX, disabledReason = "elsewhere a process does not say what it has loaded")
final class LoadedLibraryTest {

    /// The one library that every such process has.
    private static final String JVM = "libjvm.so";

    @Test
    void aLoadedLibraryIsFoundAndAnotherIsNot() {
        assertTrue(LoadedLibrary.find(JVM).isPresent());
        assertFalse(LoadedLibrary.find("libnobody.so").isPresent());
    }

    @Test
    void anInterruptDoesNotHideIt() {
        Thread.currentThread().interrupt();

        boolean found = LoadedLibrary.find(JVM).isPresent();

        assertTrue(Thread.interrupted());
        assertTrue(found);
    }
}
