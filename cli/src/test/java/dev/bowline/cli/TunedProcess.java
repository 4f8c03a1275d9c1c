package dev.bowline.cli;

import dev.bowline.platform.NativeProcess;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/// Applies the process settings before the first test, so that tests run with the settings of a library user.
public final class TunedProcess implements LauncherSessionListener {

    @Override
    public void launcherSessionOpened(LauncherSession session) {
        NativeProcess.tune();
    }
}
