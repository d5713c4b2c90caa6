//! The names by which [`unfamiliar`](super) tells harmless from reaching far. Words are parted by whitespace.

/// Imported modules whose calls only work on values. Everything imported that is not below one of
/// them, and that the file did not use before, needs a person.
pub(super) const HARMLESS_MODULES: &str = "\
    math cmath decimal fractions statistics datetime zoneinfo time.monotonic time.time time.perf_counter \
    calendar itertools functools collections dataclasses enum typing typing_extensions abc copy bisect \
    heapq re string textwrap unicodedata html json uuid numbers operator.itemgetter contextlib \
    urllib.parse pathlib.PurePath posixpath os.path logging.getLogger asyncio.Lock asyncio.gather \
    threading.Lock fastapi.HTTPException fastapi.status starlette.exceptions pydantic.field_validator \
    pydantic.Field numpy pandas.isna pandas.notna pandas.Series pandas.DataFrame \
    fmt strings strconv errors sort slices maps time unicode utf8 bytes math/big sync context cmp \
    path path/filepath.Base path/filepath.Ext lodash lodash-es date-fns dayjs luxon react zod \
    os.environ os.getenv os.Getenv os.LookupEnv sys.maxsize math.inf";

/// Parts of harmless modules that are not harmless.
pub(super) const NOT_HARMLESS: &str = "\
    numpy.load numpy.save numpy.fromfile numpy.memmap numpy.genfromtxt numpy.loadtxt lodash.template \
    time.Sleep time.Tick functools.cache functools.lru_cache functools.cached_property";

/// Methods that only look at what the file uses already.
pub(super) const LOOKS: &str = "\
    get items keys values strip lstrip rstrip lower upper split startswith endswith title join copy count \
    index trim toLowerCase toUpperCase includes has map filter find";

/// First words of the project's own helpers that do something rather than compute something.
pub(super) const ACTING: &str = "\
    send push post notify publish upload delete remove save write store run exec execute call dispatch emit \
    report purge reset grant set drop clear insert update create add register enable disable open start stop \
    load fetch request download mail email track sync import export patch apply";

/// Names that reach far on their own, or as the beginning of a path that nobody declared.
pub(super) const ROOTS: &str = "\
    vars locals dir setattr delattr input memoryview __builtins__ __loader__ __spec__ \
    document window navigator localStorage sessionStorage indexedDB Image Audio Worker SharedWorker \
    Reflect Proxy process Deno Bun globalThis global postMessage importScripts \
    Promise.allSettled Object.setPrototypeOf Object.defineProperty Object.assign";

/// Names that reach far wherever they stand in a path.
pub(super) const PARTS: &str = "\
    __dict__ __class__ __base__ __init_subclass__ __getattribute__ __self__ __func__ __closure__ \
    __wrapped__ __module__ __loader__ f_locals f_globals f_builtins f_back tb_frame gi_frame cr_frame \
    _getframe constructor prototype setPrototypeOf postMessage sendBeacon cookie";

/// Methods that write, delete, run or disclose, whatever they are called on.
pub(super) const METHODS: &str = "\
    write_text write_bytes from_string system popen execSync spawnSync subprocess_shell subprocess_exec \
    read_pickle to_pickle eval clear truncate purge flushall flushdb drop drop_all rename rmdir chmod \
    symlink_to hardlink_to writeFile writeFileSync appendFile appendFileSync createReadStream \
    createWriteStream createElement format_map format_exc print_exc get_objects getlines model_dump_json \
    add_task addHandler terminate shutdown";

/// Modules that nobody hands around, or reaches through another module.
pub(super) const GUARDED_MODULES: &str =
    "os sys subprocess builtins importlib shutil socket io ctypes pickle";

/// What a person's request carries; whole, it belongs in no answer and no log.
pub(super) const WHOLE: &str = "headers cookies environ META scope";

/// Attributes that decide what somebody may do.
pub(super) const PRIVILEGES: &str = "\
    role roles is_staff is_superuser is_admin isAdmin isStaff is_active is_verified isVerified scopes \
    permissions owner owner_id ownerId groups tenant tenant_id tenantId";

/// Calls that send somebody something: a file, a page, a mail. What they are given is the point.
pub(super) const SINKS: &str = "\
    FileResponse RedirectResponse HTMLResponse StreamingResponse redirect sendFile download send_file \
    send_from_directory send_mail send_email sendMail sendEmail set_cookie setCookie cookie ServeFile \
    SetCookie Redirect render_template_string";
