"""Words that made-up people and places are named with."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SURNAMES = tuple(
    "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾萧田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖"
)
GIVEN_FEMALE = _words(
    "秀英 敏 静 丽 艳 娟 霞 秀兰 燕 玲 桂英 丹 萍 红 玉兰 慧 婷 雪 梅 雨桐 欣怡 梓涵 诗涵 佳怡 晓雯 思琪 若曦 美玲 "
    "淑芬 文静"
)
GIVEN_MALE = _words(
    "伟 强 磊 军 洋 勇 杰 涛 明 超 刚 平 辉 鹏 浩 宇 建国 建华 志强 俊杰 浩然 子轩 宇航 博文 天佑 嘉豪 文博 海涛 "
    "国栋 晓东"
)
FIRST_FEMALE = _words(
    "Alice Amy Anna Beth Carol Clara Diane Ella Emma Erin Faith Grace Hannah Helen Irene Jane Joan Julia Karen Laura "
    "Linda Lucy Maria Megan Nancy Olivia Paula Rachel Rose Ruth Sarah Sofia Susan Teresa Vera"
)
FIRST_MALE = _words(
    "Aaron Adam Alan Ben Brian Carl Chris Colin Daniel David Edward Eric Frank Gary George Harry Ian Jack James John "
    "Kevin Leo Lewis Mark Martin Nathan Oscar Paul Peter Ralph Robert Samuel Simon Thomas Victor"
)
FAMILY = _words(
    "Adams Allen Baker Bell Brooks Brown Carter Clark Cole Cooper Cox Davis Dixon Evans Fisher Ford Foster Gray Green "
    "Hall Harris Hayes Hill Howard Hughes Hunt Jenkins Johnson Jones Kelly King Lee Lewis Long Marsh Mason Miller "
    "Mills Moore Morgan Murphy Myers Nelson Owens Palmer Parker Perry Porter Price Reed Rice Rivera Ross Russell "
    "Sanders Scott Shaw Simmons Smith Stone Taylor Turner Walker Ward Watson Webb West White Wood Young"
)
AREA_CODES = _words(
    "212 315 347 516 518 585 607 631 646 716 718 845 914 917 929 201 551 609 732 856 862 908 973 203 860"
)

PLACES = _words(
    "Alder Aspen Birch Cedar Chestnut Clover Elm Fern Hazel Juniper Laurel Linden Maple Oak Olive Pine Rowan Sage "
    "Sorrel Spruce Walnut Willow Yarrow"
)
SPOTS = _words(
    "Bridge Corner Court Creek Cross Field Gate Glen Green Grove Hill Landing Market Meadow Mill Park Point Ridge Row "
    "Square Station"
)
