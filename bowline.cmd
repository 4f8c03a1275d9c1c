@echo off
rem Runs Bowline on Windows: finds a JDK 25, builds on first use. Set BOWLINE_JAVA_OPTS for further JVM options.
rem After changing sources, delete cli\target to build again.
setlocal
set "PROJECT=%~dp0"

call "%PROJECT%.mvn\jdk.cmd" || exit /b 1

if not exist "%PROJECT%cli\target\lib" goto build
if not exist "%PROJECT%cli\target\bowline.built" goto build
goto run

:build
echo building Bowline (the first time takes minutes: it downloads libtorch) ... 1>&2
call "%PROJECT%mvnw.cmd" -q -B -DskipTests package 1>&2
if errorlevel 1 (
    echo error: the build failed; its output is above 1>&2
    exit /b 70
)
type nul > "%PROJECT%cli\target\bowline.built"

:run
rem The first three options are those of library\src\main\resources\dev\bowline\platform\process.properties.
"%JAVA_HOME%\bin\java.exe" --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow ^
    -XX:+UseSerialGC -Xms32m -Dfile.encoding=UTF-8 %BOWLINE_JAVA_OPTS% ^
    -cp "%PROJECT%cli\target\classes;%PROJECT%cli\target\lib\*" dev.bowline.cli.Bowline %*
exit /b %ERRORLEVEL%
