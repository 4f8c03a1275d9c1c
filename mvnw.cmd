@echo off
rem Builds Bowline on Windows with nothing but a JDK: runs the Maven that .mvn\wrapper\maven-wrapper.properties names,
rem downloading it once and checking its SHA-512. MVNW_REPOURL names a mirror of Maven Central.
setlocal
set "PROJECT=%~dp0"
call "%PROJECT%.mvn\jdk.cmd" || exit /b 1

for /f "usebackq tokens=1,* delims==" %%a in ("%PROJECT%.mvn\wrapper\maven-wrapper.properties") do (
    if "%%a"=="distributionUrl" set "URL=%%b"
    if "%%a"=="distributionSha512Sum" set "HASH=%%b"
)
set "CENTRAL=https://repo.maven.apache.org/maven2"
if defined MVNW_REPOURL call set "URL=%%URL:%CENTRAL%=%MVNW_REPOURL%%%"
for %%f in ("%URL%") do set "NAME=%%~nf"
if not defined MAVEN_USER_HOME set "MAVEN_USER_HOME=%USERPROFILE%\.m2"
set "MAVEN=%MAVEN_USER_HOME%\wrapper\dists\%NAME:-bin=%\%HASH:~0,16%"

if not exist "%MAVEN%\bin\mvn.cmd" (
    "%JAVA_HOME%\bin\java.exe" "%PROJECT%.mvn\wrapper\InstallMaven.java" "%URL%" "%HASH%" "%MAVEN%" || exit /b 1
)

set "MAVEN_OPTS=--sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED %MAVEN_OPTS%"
"%MAVEN%\bin\mvn.cmd" -f "%PROJECT%pom.xml" %*
