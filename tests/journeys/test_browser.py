"""The main job and the way back as a person walks it, in one browser: the tests are one walk, in order, on real engines."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench import clone
from bench.install import Install, fresh
from playwright.sync_api import Browser, Locator, Page, expect

from towpath.ui import service as ui

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(200),
    pytest.mark.skipif(not (ui.STATIC / "manifest.json").exists(), reason="the assets are not built"),
]
NAME = "mooring"
ENTITY = f"/catalog/default/component/{NAME}"
WIZARD = "/create/templates/default/python-web-service"
RUN_S = 90_000  # milliseconds a pipeline with its deployment may take on a loaded machine


@pytest.fixture(scope="module")
def install(layers: Path) -> Iterator[Install]:
    with fresh(layers=layers) as made:
        yield made


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What the consoles of our pages complained of; a refusal by the pages' policy is said there as well."""
    return []


@pytest.fixture(scope="module")
def window(chromium: Browser, install: Install, said: list[str]) -> Iterator[Callable[..., Page]]:
    """Open a window with cookies of its own: `window(width=1440)`."""
    opened, home = [], str(install.api.base_url)

    def listen(page: Page | None, text: str) -> None:
        if page is None or page.url.startswith(home):
            said.append(f"{page.url if page else ''}: {text}")

    def open_window(width: int = 1440, **options) -> Page:
        size = {"width": width, "height": 900}
        context = chromium.new_context(base_url=home, viewport=size, **options)
        context.set_default_timeout(15_000)
        context.on("console", lambda one: listen(one.page, one.text) if one.type == "error" else None)
        context.on("weberror", lambda one: listen(one.page, str(one.error)))
        opened.append(context)
        return context.new_page()

    expect.set_options(timeout=15_000)
    yield open_window
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def page(window) -> Page:
    """The developer's window, which walks through all tests."""
    return window()


@pytest.fixture(scope="module")
def token(page: Page) -> str:
    """An API token, made in the settings."""
    page.goto("/settings")
    page.get_by_role("link", name="API tokens").first.click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_label("Ends after").select_option("7 days")
    page.get_by_role("button", name="Make token").click()
    return page.locator("pre.code").inner_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("clone")


@pytest.fixture(autouse=True)
def quiet(said: list[str]) -> Iterator[None]:
    """No page of the walk may complain."""
    yield
    found, said[:] = said[:], []
    assert found == []


def state(page: Page) -> Locator:
    return page.locator("#run-head .state")


def tab(page: Page, name: str) -> None:
    page.goto(ENTITY)
    page.get_by_label("Sections").get_by_role("link", name=name).click()
    expect(page.get_by_label("Sections").get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    settle(page)


def settle(page: Page) -> None:
    """Wait until every card has its content."""
    expect(page.locator("main .skeleton-line")).to_have_count(0)


def message(page: Page, environment: str = "development") -> str:
    """What the service says when its address on the entity's page is opened."""
    page.goto(ENTITY)
    link = page.locator(f"[data-card^=environments] a[href^='http://{NAME}.{environment}.']")
    with page.context.expect_page() as opened:
        link.click()
    found = opened.value.evaluate("JSON.parse(document.body.innerText).message")
    opened.value.close()
    return found


def newest(page: Page) -> Locator:
    return page.locator("main tbody tr").first


def deployed(page: Page, commit: str, status: str) -> None:
    """Wait at the Deployments tab until the newest row is this commit's with this status."""
    tab(page, "Deployments")
    expect(newest(page)).to_contain_text(commit[:7], timeout=RUN_S)
    expect(newest(page).locator(".state")).to_have_text(status, timeout=RUN_S)


def test_a_stranger_is_led_to_sign_in_and_enters_by_keyboard(page):
    page.goto("/")
    expect(page).to_have_url(re.compile("/sign-in"))
    page.keyboard.type("developer")
    page.keyboard.press("Tab")
    page.keyboard.type("towpath")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Hello, "))
    settle(page)


def test_keys_open_help_and_jump(page):
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("catal")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/catalog$"))


def test_create_is_watched_live_and_ends_with_links_that_answer(page):
    page.get_by_role("link", name="Create").first.click()
    page.get_by_role("link", name=re.compile("Python web service")).click()
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Owner").select_option("group:default/payments")
    page.get_by_label("Description").fill("Ropes and rings")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_label("Give it a PostgreSQL database")).to_be_checked()
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_label("Answers")).to_contain_text("Ropes and rings")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page).to_have_url(re.compile("/runs/"))
    page.evaluate("window.same = true")
    steps = page.locator("#run-steps button .sr-only")
    expect(steps.filter(has_text="running").first).to_be_attached()
    expect(state(page)).to_have_text("Succeeded", timeout=RUN_S)
    assert set(steps.all_inner_texts()) == {"succeeded"}
    assert page.evaluate("window.same")
    assert page.locator("tp-log .line").count() > 10
    finish = page.locator("#run-head").get_by_role("link")
    assert {"Open the service", "Catalog page", "Repository"} <= set(finish.all_inner_texts())
    with page.context.expect_page() as opened:
        finish.get_by_text("Open the service").click()
    assert f'"Hello from {NAME}"' in opened.value.inner_text("body")
    opened.value.close()
    finish.get_by_text("Catalog page").click()
    expect(page).to_have_url(re.compile(f"{ENTITY}$"))


def test_the_entity_page_shows_all_that_was_made(page):
    page.keyboard.press("/")
    page.keyboard.type(NAME)
    page.get_by_role("option", name=f"{NAME} Component").click()
    expect(page).to_have_url(re.compile(f"{ENTITY}$"))
    settle(page)
    assert page.locator("[data-card^=environments] .state").first.inner_text() == "Healthy"
    expect(page.locator("[data-card^=graph] canvas").first).to_be_visible()
    expect(page.locator("[data-card^=graph] li").filter(has_text=NAME).first).to_be_attached()
    for name, content in (("Pipeline", "main"), ("Deployments", "development"), ("Resources", "postgres")):
        tab(page, name)
        expect(newest(page).locator("..")).to_contain_text(content)
    tab(page, "Logs")
    expect(page.locator("tp-log .line").first).to_be_visible()


def test_a_plain_push_to_the_shown_address_arrives_at_the_open_page(page, token, folder):
    page.goto(ENTITY)
    address = page.locator("[data-card^=repository] code").inner_text()
    commit = clone.push(address, token, folder, clone.greet("Welcome to"))
    deployed(page, commit, "Succeeded")
    assert message(page) == f"Welcome to {NAME}"


def test_a_promotion_shows_its_plan_and_production_waits_for_somebody_else(page, window):
    promote(page, "Promote to staging")
    expect(state(page)).to_have_text("Succeeded", timeout=RUN_S)
    assert message(page, "staging") == f"Welcome to {NAME}"
    promote(page, "Ask for approval")
    expect(state(page)).to_have_text("Waiting")
    page.evaluate("window.same = true")
    approve(window())
    expect(state(page)).to_have_text("Succeeded", timeout=RUN_S)
    assert page.evaluate("window.same")
    assert message(page, "production") == f"Welcome to {NAME}"


def promote(page: Page, button: str) -> None:
    page.goto(ENTITY)
    page.get_by_role("link", name=re.compile("^Promote ")).click()
    expect(page.locator("main table")).to_contain_text("postgres")
    page.get_by_role("button", name=button).click()


def approve(page: Page) -> None:
    """A platform engineer enters by the demo offer and approves what waits."""
    page.goto("/approvals")
    page.get_by_role("button", name="platform engineer").click()
    page.get_by_role("link", name=re.compile(NAME)).click()
    settle(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


def test_a_broken_version_says_why_and_the_old_one_answers(page, token, folder):
    commit = clone.push("", token, folder, clone.break_start)
    deployed(page, commit, "Failed")
    newest(page).get_by_role("link").first.click()
    page.get_by_role("link", name="Steps and log").click()
    expect(state(page)).to_have_text("Failed")
    expect(page.get_by_role("alert")).to_contain_text("broken")
    assert message(page) == f"Welcome to {NAME}"


def test_one_button_rolls_back(page):
    tab(page, "Deployments")
    page.get_by_role("button", name="Roll back").click()
    expect(state(page)).to_have_text("Succeeded")
    assert message(page) == f"Hello from {NAME}"


def test_no_page_is_wider_than_a_telephone(page, window):
    narrow = window(390, storage_state=page.context.storage_state())
    page.goto(f"{ENTITY}?tab=deployments")
    newest(page).get_by_role("link").first.click()
    shown = [page.url, page.get_by_role("link", name="Steps and log").get_attribute("href")]
    tabs = [f"{ENTITY}?tab={one}" for one in ("pipeline", "deployments", "resources", "logs")]
    places = ("/", "/catalog", "/create", WIZARD, "/environments", f"/repositories/{NAME}", "/settings/tokens", ENTITY)
    wide = []
    for address in (*places, *tabs, *shown):
        narrow.goto(address)
        settle(narrow)
        if narrow.evaluate("document.scrollingElement.scrollWidth > innerWidth"):
            wide.append(address)
    assert wide == []


def test_deleting_names_what_goes_and_wants_the_right_name(page):
    page.goto(ENTITY)
    page.get_by_text("Actions").click()
    page.get_by_role("link", name="Delete").click()
    expect(page.locator("main")).to_contain_text(re.compile("repository", re.IGNORECASE))
    expect(page.locator("main")).to_contain_text("postgres db in production, with its data")
    button = page.get_by_role("button", name="Delete")
    page.get_by_label("to confirm").fill("moorings")
    expect(button).to_be_disabled()
    page.get_by_label("to confirm").fill(NAME)
    button.click()
    expect(state(page)).to_have_text("Succeeded", timeout=RUN_S)
    assert set(page.locator("#run-steps button .sr-only").all_inner_texts()) == {"succeeded"}
    page.goto("/catalog")
    page.get_by_label("Filter", exact=True).fill(NAME)
    expect(page.get_by_text("Nothing matches")).to_be_visible()
